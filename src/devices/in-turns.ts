/** Work that is done a few milliseconds at a time. It says where others may have a turn by yielding. */
export type Turns<T> = Generator<void, T, void>;

/** `pause` lets others have a turn. Throws what the work does. */
export async function inTurns<T>(work: Turns<T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await pause();
  }
}
