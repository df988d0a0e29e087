/** Unix microseconds of a Timestamp, finer ones cut off. */
export function usOfTimestamp({ seconds, nanos }: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
}
