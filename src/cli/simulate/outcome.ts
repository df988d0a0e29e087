/** The ledger of a simulation, as it is told at the end. */
import pc from "picocolors";
import { formatRoughDurationMs } from "../../model/duration.ts";
import { counted } from "../counted.ts";
import { grouped } from "../point-progress.ts";
import type { AckMs, Ledger } from "./ledger.ts";

export interface Outcome {
  readonly devices: number;
  readonly seconds: number;
  readonly batches: number;
  readonly sent: number;
  readonly repeated: number;
  readonly acked: number;
  readonly refused: number;
  readonly refusedBy: Readonly<Record<string, number>>;
  readonly unanswered: number;
  /** Null where the server could not be asked. */
  readonly stored: number | null;
  /** Null where it is not known: what is stored beside what was acknowledged here may hide what is missing. */
  readonly missing: number | null;
  /** Stored beyond what was sent here: readings of another run in the same range, which hide what is missing. */
  readonly surplus: number;
  readonly damaged: boolean;
  readonly retries: number;
  readonly ackMs: AckMs | null;
}

export function outcomeOf(
  ledger: Ledger,
  stored: { readonly readings: number; readonly isDamaged: boolean } | undefined,
  { devices, seconds }: Pick<Outcome, "devices" | "seconds">,
): Outcome {
  const { wanted, unanswered } = ledger;
  const beyond = stored === undefined ? 0 : stored.readings - wanted;
  // What was stored and not acked is none of another run's.
  const surplus = Math.max(0, beyond - unanswered);
  return {
    devices,
    seconds,
    batches: ledger.batches,
    sent: ledger.sent,
    repeated: ledger.repeated,
    acked: ledger.acked,
    refused: ledger.refused,
    refusedBy: Object.fromEntries(ledger.reasons),
    unanswered,
    stored: stored?.readings ?? null,
    missing: stored === undefined || beyond > 0 ? null : wanted - stored.readings,
    surplus,
    damaged: stored?.isDamaged ?? false,
    retries: ledger.reconnects,
    ackMs: ledger.ackMs ?? null,
  };
}

/** Nothing is missing, and that is known. */
export function isWhole({ missing, unanswered, damaged }: Outcome): boolean {
  return missing === 0 && unanswered === 0 && !damaged;
}

export function outcomeText(outcome: Outcome): string {
  const { devices, seconds, sent, repeated, acked, refused, unanswered, stored } = outcome;
  const rate = grouped(acked / Math.max(seconds, 0.001));
  const lines = [
    `${counted(devices, "device")}, ${formatRoughDurationMs(seconds * 1_000)}, ${rate} readings/s`,
    row("sent", sent, repeated > 0 ? `and ${grouped(repeated)} of them again` : ""),
    row("acked", acked),
    row("refused", refused),
    ...Object.entries(outcome.refusedBy).map(([reason, count]) => `    ${grouped(count).padStart(10)}  ${reason}`),
    ...(unanswered > 0 ? [pc.red(row("unanswered", unanswered, "the server never said what became of them"))] : []),
    stored === null
      ? pc.red(unknown("stored", "the server could not be asked; what was acked is durable there"))
      : row("stored", stored),
    missingRow(outcome),
  ];
  if (sent === 0)
    lines.push(pc.yellow("  nothing was sent: no reading was due in that time; see --interval, --from and --duration"));
  if (outcome.ackMs !== null) {
    const { p50, p99, max } = outcome.ackMs;
    lines.push(`  acks         p50 ${shownMs(p50)}, p99 ${shownMs(p99)}, max ${shownMs(max)}`);
  }
  if (outcome.retries > 0) lines.push(row("retries", outcome.retries, "streams begun anew after a failure"));
  if (outcome.damaged) lines.push(pc.red("  some of what is stored is damaged: the server left it out of its count"));
  return `${lines.join("\n")}\n`;
}

function missingRow({ missing, surplus, stored }: Outcome): string {
  if (missing !== null) return missing > 0 ? pc.red(row("missing", missing)) : pc.green(row("missing", missing));
  if (stored === null) return pc.red(unknown("missing", "it could not be asked what is stored"));
  const why =
    surplus > 0
      ? `${grouped(surplus)} more are stored than were sent: readings of another run lie in the same range`
      : "some that were not answered are stored: they stand for others that may be missing";
  return pc.red(unknown("missing", why));
}

function unknown(what: string, why: string): string {
  return `  ${what.padEnd(10)} ${"unknown".padStart(13)}  ${why}`;
}

function row(what: string, count: number, note = ""): string {
  return `  ${what.padEnd(10)} ${grouped(count).padStart(13)}${note === "" ? "" : `  ${note}`}`;
}

function shownMs(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
