/** Ctrl-C and SIGTERM: the first asks to stop, one that comes later ends the process. SIGHUP asks to read files again. */
import type { Config } from "../config/config.ts";

/** `bun run` passes on a Ctrl-C that the terminal has sent already: two signals within microseconds are one wish. */
const SAME_WISH_MS = 1_000;
const EXIT_ENDED = 130;

/** Calls `stop` with the first signal. One that comes a second or more after it ends the process with exit code 130. */
export function onStopSignal(stop: (signal: string) => void): void {
  let askedAtMs: number | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      const nowMs = performance.now();
      if (askedAtMs === undefined) {
        askedAtMs = nowMs;
        stop(signal);
      } else if (nowMs - askedAtMs >= SAME_WISH_MS) process.exit(EXIT_ENDED);
    });
  }
}

/** Calls `reload` with each SIGHUP. Without a certificate a terminal that is closed ends the process, as it does other programs. */
export function onHangup({ tls }: Pick<Config, "tls">, reload: () => Promise<void>): void {
  if (tls.cert !== undefined || process.stderr.isTTY !== true) process.on("SIGHUP", () => void reload());
}
