/** Unix microseconds as a protobuf Timestamp. */
export function timestampOfUs(timeUs: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(timeUs / 1_000_000);
  return { seconds: BigInt(seconds), nanos: Math.round(timeUs - seconds * 1_000_000) * 1_000 };
}
