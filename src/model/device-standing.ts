/** How devices stand, for those who are told of it and know nothing else of them. */

export const DEVICE_STATUSES = ["never_seen", "online", "late", "offline", "stale"] as const;

export interface DeviceStanding {
  readonly device: string;
  readonly site: string;
  readonly type: string;
  /** The device that it is reached through; "": none. */
  readonly parent: string;
  readonly tags: Readonly<Record<string, string>>;
  /** One of {@link DEVICE_STATUSES}. */
  readonly status: string;
  /** Why, for people. */
  readonly reason: string;
  /** Since when it has its status, Unix milliseconds; missing: that is not known. */
  readonly sinceMs?: number;
}

/** How devices stood over a time. */
export interface PastStandings {
  /** At its beginning. */
  readonly before: readonly DeviceStanding[];
  /** In order; without a standing: it was deleted. */
  readonly changes: readonly {
    readonly atMs: number;
    readonly device: string;
    readonly standing: DeviceStanding | undefined;
  }[];
}

export interface DeviceStandings {
  /** Of those that have one of these statuses. */
  having(statuses: readonly string[]): Iterable<DeviceStanding>;
  get(device: string): DeviceStanding | undefined;
  /** How they stood in [from, to); missing: nobody knows. Rejects with RESOURCE_EXHAUSTED where that is too much to be read. */
  past?(fromMs: number, toMs: number): Promise<PastStandings>;
  /** Hears of every change from now on, once it is durable; of one that is deleted without a standing. Returns what ends that. */
  follow(listener: (device: string, standing: DeviceStanding | undefined) => void): () => void;
}
