/** When a tone sounds, and which. Pure: whoever asks says what is open, what is wanted and what time it is. */

export interface SoundSettings {
  readonly isOn: boolean;
  /** 0 to 1. */
  readonly volume: number;
  /** Those that sound, {@link LOST} among them. */
  readonly severities: readonly string[];
  /** Unix milliseconds; in the past: it is not muted. */
  readonly mutedUntilMs: number;
}

export interface AlarmStep {
  /** What sounds now. */
  readonly severity: string | undefined;
  /** When to ask again, if nothing changes before; Infinity: never. */
  readonly nextMs: number;
}

/** Beside severities: for long nothing has been heard of the server, so nobody would hear of an alert. */
export const LOST = "lost";
/** The gravest first. */
export const REPEATED_AFTER_MS: readonly (readonly [severity: string, ms: number])[] = [
  ["critical", 5_000],
  ["high", 15_000],
  ["medium", 60_000],
  ["low", 300_000],
  [LOST, 60_000],
];
/** However much fires. */
export const GAP_MS = 2_000;
const NEVER: AlarmStep = { severity: undefined, nextMs: Infinity };

/** Repeats the tone of the gravest severity that somebody is needed for; sooner where more of it fires, or something graver. */
export class Alarm {
  #lastMs = -Infinity;
  #lastRank = Infinity;
  #lastCount = 0;

  /** `open`: how many need somebody, by severity, the gravest first; last 1 where the server is {@link LOST}. */
  step(open: readonly number[], settings: SoundSettings, nowMs: number): AlarmStep {
    const rank = REPEATED_AFTER_MS.findIndex(([name], i) => open[i] > 0 && settings.severities.includes(name));
    if (!settings.isOn || rank < 0) {
      this.#lastRank = Infinity;
      return NEVER;
    }
    if (nowMs < settings.mutedUntilMs) return { severity: undefined, nextMs: settings.mutedUntilMs };
    const [severity, repeatedAfterMs] = REPEATED_AFTER_MS[rank];
    const isNew = rank < this.#lastRank || (rank === this.#lastRank && open[rank] > this.#lastCount);
    // A clock that was set back holds nothing up.
    const sinceMs = nowMs < this.#lastMs ? Infinity : nowMs - this.#lastMs;
    const afterMs = isNew ? GAP_MS : repeatedAfterMs;
    if (!isNew) this.#lastCount = Math.min(this.#lastCount, open[rank]);
    if (sinceMs < afterMs) return { severity: undefined, nextMs: this.#lastMs + afterMs };
    [this.#lastMs, this.#lastRank, this.#lastCount] = [nowMs, rank, open[rank]];
    return { severity, nextMs: nowMs + repeatedAfterMs };
  }
}
