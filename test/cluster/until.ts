const [POLL_MS_MIN, POLL_MS_MAX] = [10, 200];

/** Resolves once it holds; looks again and again, and fails after a time in which it surely should. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  const since = performance.now();
  while (!(await holds())) {
    const waitedMs = performance.now() - since;
    if (waitedMs > withinMs) throw new Error(`this did not come about within ${withinMs} ms: ${what}`);
    // To look may cost all nodes a call: what takes long is looked at less often.
    await Bun.sleep(Math.min(Math.max(POLL_MS_MIN, waitedMs / 10), POLL_MS_MAX));
  }
}
