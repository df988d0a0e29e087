/** What is said of whether a device is there, and of changes of it. Devices are told apart by the small dense index their registry gives them. */

/** In the order of their codes. */
export const STATUSES = ["never_seen", "online", "late", "offline", "stale"] as const;

/**
 * `never_seen`: known, and not heard yet; `late`, `offline`: silent for longer than it should be, or (`offline`) it said that it
 * leaves; `stale`: not heard since the device it is reached through is offline.
 */
export type DeviceStatus = (typeof STATUSES)[number];

/** Codes. */
export const [NEVER, ONLINE, LATE, OFFLINE, STALE] = STATUSES.keys();

export interface StatusSettings {
  /** How often it sends. 0: inferred from the gaps between its arrivals. */
  readonly expectedIntervalMs: number;
  /** Silence after which it is late or offline, whatever the interval is. 0: by the interval; where one alone is given, twice or half of it. */
  readonly lateAfterMs: number;
  readonly offlineAfterMs: number;
  /** It sends when something happens: silence means nothing, unless one of the two above is given. */
  readonly isEventDriven: boolean;
}

export interface StatusChange {
  readonly device: number;
  readonly status: DeviceStatus;
  /** Before; of one that is not held, what the last such change said: the same as `status` where only `isFlapping` ended. */
  readonly previous: DeviceStatus;
  /** Unix milliseconds; never earlier than the change before. */
  readonly atMs: number;
  /** For people: "silent for 45s; late after 45s", "gateway-1 is offline". */
  readonly reason: string;
  readonly isFlapping: boolean;
  /** It came too soon after others of a flapping device: it is so all the same, and goes into no journal. */
  readonly isHeld: boolean;
  /** Those that were held since the last one that was not, this one not counted. */
  readonly omitted: number;
  /** Who said what it comes of; "": nobody. */
  readonly by: string;
}

export interface StatusView {
  readonly status: DeviceStatus;
  /** Unix milliseconds; 0: it never had another one. */
  readonly sinceMs: number;
  readonly reason: string;
  /** Unix milliseconds of its newest sign of life; 0: none. */
  readonly seenMs: number;
  readonly isFlapping: boolean;
  /** Of silence; 0: it is never late or offline by silence. */
  readonly lateAfterMs: number;
  readonly offlineAfterMs: number;
  /** 95th percentile of its recent gaps; 0: not known yet. */
  readonly gapP95Ms: number;
}

/** What a restart has to know, small enough for a document: about half a kilobyte as JSON. */
export interface SavedStatus {
  readonly status: DeviceStatus;
  readonly sinceMs: number;
  readonly reason: string;
  readonly seenMs: number;
  /** When it said that it leaves; 0: it did not. */
  readonly deadMs: number;
  /** Whether the device it is reached through was offline. */
  readonly isStale: boolean;
  /** Decayed number of its changes, as of `flapAtMs`. */
  readonly flapScore: number;
  readonly flapAtMs: number;
  readonly isFlapping: boolean;
  /** Oldest first, milliseconds. */
  readonly gapsMs: readonly number[];
}

/** What a device says of itself, of src/model/device-event.ts. */
export interface SignOfLife {
  readonly kind: "birth" | "death";
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly reason: string;
  /** Who said so; missing: the device itself. */
  readonly by?: string;
}

export interface DeviceStatusesOptions {
  /** Unix milliseconds, and those of a clock that never goes back. */
  readonly nowMs: number;
  readonly monotonicMs?: number;
  /** For reasons: "gateway-1". */
  readonly nameOf: (device: number) => string;
}
