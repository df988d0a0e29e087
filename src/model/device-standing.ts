/** How devices stand, for those who are told of it and know nothing else of them. */

export interface DeviceStanding {
  readonly device: string;
  readonly site: string;
  readonly type: string;
  /** The device that it is reached through; "": none. */
  readonly parent: string;
  readonly tags: Readonly<Record<string, string>>;
  /** "online", "late", "offline", "stale" or "never_seen". */
  readonly status: string;
  /** Why, for people. */
  readonly reason: string;
}

export interface DeviceStandings {
  all(): Iterable<DeviceStanding>;
  get(device: string): DeviceStanding | undefined;
  /** Hears of every change from now on, once it is durable; of one that is deleted without a standing. Returns what ends that. */
  follow(listener: (device: string, standing: DeviceStanding | undefined) => void): () => void;
}
