/** Ports for servers that are to come back under the same one: those the system gives out would be another test's meanwhile. */
const [FROM, UNTIL] = [10_000, 32_000];
const TRIES = 100;

/** One of 127.0.0.1 that is free, below those that are given to whoever asks for any. */
export function ownPort(): number {
  for (let i = 0; i < TRIES; i++) {
    const port = FROM + Math.floor(Math.random() * (UNTIL - FROM));
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      continue;
    }
  }
  throw new Error(`${TRIES} ports from ${FROM} to ${UNTIL} are taken; wanted one that is free`);
}
