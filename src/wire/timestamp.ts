/** Unix microseconds as a protobuf Timestamp. */
export function timestampOfUs(timeUs: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(timeUs / 1_000_000);
  return { seconds: BigInt(seconds), nanos: Math.round(timeUs - seconds * 1_000_000) * 1_000 };
}

/** Unix milliseconds, which may have a fraction, to the microsecond. */
export function timestampOfMs(timeMs: number): { seconds: bigint; nanos: number } {
  return timestampOfUs(Math.round(timeMs * 1_000));
}

/** Unix milliseconds of a Timestamp, finer than a microsecond cut off. */
export function msOfTimestamp({ seconds, nanos }: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(seconds) * 1_000 + Math.floor(nanos / 1_000) / 1_000;
}

/** Unix microseconds of a Timestamp, finer ones cut off. */
export function usOfTimestamp({ seconds, nanos }: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
}
