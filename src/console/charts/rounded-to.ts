/** With no more digits than a step of `size` tells apart. */
export function roundedTo(value: number, size: number): number {
  if (!(size > 0)) return value;
  const digits = Math.ceil(-Math.log10(size));
  return digits > 0 ? Number(value.toFixed(Math.min(20, digits))) : Math.round(value / 10 ** -digits) * 10 ** -digits;
}
