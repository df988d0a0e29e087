const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
const FACTOR: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kb: 1_000,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1_000 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1_000 ** 3,
  gib: 1024 ** 3,
  t: 1024 ** 4,
  tb: 1_000 ** 4,
  tib: 1024 ** 4,
};

/**
 * Bytes of a size such as "64MiB", "1.5GB" or "4096". KiB, MiB, GiB, TiB and K, M, G, T count by 1,024, KB, MB, GB, TB
 * by 1,000; case does not matter. Throws RangeError with what was given and what is wanted.
 */
export function parseByteSize(text: string): number {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = unit === undefined ? undefined : FACTOR[unit.toLowerCase()];
  if (factor === undefined)
    throw new RangeError(`${JSON.stringify(text)} is no size; wanted one such as "64MiB" or "1.5GB"`);
  return Math.floor(Number(number) * factor);
}

/** For people: "64MiB", "1.5GiB", "812B"; at most one decimal. */
export function formatByteSize(bytes: number): string {
  let unit = 0;
  let size = bytes;
  while (Math.abs(size) >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${Number(size.toFixed(1))}${UNITS[unit]}`;
}
