/** What a simulated device sends. */
export interface Reading {
  readonly metric: string;
  readonly value: number;
  /** Unix microseconds. */
  readonly timeUs: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** Readings that are sent together. */
export interface Sending {
  /** When, Unix microseconds: what is in the past is sent as fast as it can be. */
  readonly dueUs: number;
  /** None: the device is silent until then. */
  readonly readings: readonly Reading[];
  /** They were sent before. */
  readonly isRepeat: boolean;
}
