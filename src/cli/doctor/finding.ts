/** What a check of `watchpost doctor` says. */

export type Level = "ok" | "warning" | "problem";

export interface Finding {
  /** What was looked at: "disk", "clock". */
  readonly check: string;
  readonly level: Level;
  /** A sentence with the figures. */
  readonly text: string;
  /** What to do; "" where nothing is to be done. */
  readonly advice: string;
}

/** Makes findings of one check. */
export function findings(check: string) {
  const of =
    (level: Level) =>
    (text: string, advice = "") =>
      ({ check, level, text, advice }) satisfies Finding;
  return { ok: of("ok"), warning: of("warning"), problem: of("problem") };
}
