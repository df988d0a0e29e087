/** How a simulation goes, while it does. */
import { grouped } from "../point-progress.ts";
import type { Ledger } from "./ledger.ts";

const TERMINAL_MS = 500;
const PIPE_MS = 10_000;

export interface StatusLine {
  /** Prints on stderr, with the line out of its way. */
  aside(print: () => void): void;
  stop(): void;
}

/** One line that changes where stderr is a terminal, otherwise a line every ten seconds. */
export function showStatus(ledger: Ledger): StatusLine {
  const isTerminal = process.stderr.isTTY === true;
  let [acked, atMs] = [0, performance.now()];
  const line = () => {
    const nowMs = performance.now();
    const rate = ((ledger.acked - acked) * 1_000) / Math.max(1, nowMs - atMs);
    [acked, atMs] = [ledger.acked, nowMs];
    const refused = ledger.refused > 0 ? `, ${grouped(ledger.refused)} refused` : "";
    const counts = `${grouped(ledger.acked)} acked${refused}, ${grouped(ledger.unanswered)} in flight`;
    return `${grouped(rate)} readings/s, ${counts}, ${grouped(ledger.reconnects)} retries`;
  };
  const clear = () => void (isTerminal && process.stderr.write("\r\x1b[K"));
  const show = () => {
    const text = line();
    // A line longer than the terminal would leave itself behind.
    if (isTerminal) process.stderr.write(`\r\x1b[K${text.slice(0, Math.max(1, (process.stderr.columns || 80) - 1))}`);
    else process.stderr.write(`${text}\n`);
  };
  const timer = setInterval(show, isTerminal ? TERMINAL_MS : PIPE_MS);
  return {
    aside(print) {
      clear();
      print();
    },
    stop() {
      clearInterval(timer);
      clear();
    },
  };
}
