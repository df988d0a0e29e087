const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * Milliseconds of a duration such as "250ms", "90s" or "1h30m". Units: us, ms, s, m, h, d, w; numbers may have
 * decimals. Throws RangeError with what was given and what is wanted.
 */
export function parseDurationMs(text: string): number {
  const trimmed = text.trim();
  if (!/^(\d+(\.\d+)?(us|ms|[smhdw]))+$/.test(trimmed)) {
    throw new RangeError(`${JSON.stringify(text)} is no duration; wanted one such as "250ms", "90s" or "1h30m"`);
  }
  let totalMs = 0;
  for (const [, number, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(us|ms|[smhdw])/g)) {
    totalMs += Number(number) * UNIT_MS[unit];
  }
  return totalMs;
}

/** "1h30m", "250ms", "0s": what parseDurationMs reads. Fractions of a millisecond are dropped. */
export function formatDurationMs(durationMs: number): string {
  let left = Math.floor(durationMs);
  if (left === 0) return "0s";
  let out = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const count = Math.floor(left / UNIT_MS[unit]);
    if (count === 0) continue;
    out += `${count}${unit}`;
    left -= count * UNIT_MS[unit];
  }
  return out;
}

/** For people, what is measured or learned: "250ms", "1.5s", "1m30s", "2h5m", "3d4h". */
export function formatRoughDurationMs(durationMs: number): string {
  if (durationMs < 1_000) return formatDurationMs(Math.round(durationMs));
  if (durationMs < 9_950) return `${Number((durationMs / 1_000).toFixed(1))}s`;
  const unitMs = UNIT_MS[durationMs < UNIT_MS["h"] ? "s" : durationMs < UNIT_MS["d"] ? "m" : "h"];
  return formatDurationMs(Math.round(durationMs / unitMs) * unitMs);
}
