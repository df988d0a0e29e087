/** Values as a panel wants them written, in the reader's locale. Pure. */
import { numberText } from "../../../format.ts";

const formats = new Map<number, Intl.NumberFormat>();

/** `decimals` missing: as fits. */
export function valueText(value: number, decimals: number | undefined): string {
  if (decimals === undefined || !Number.isFinite(value)) return numberText(value);
  let format = formats.get(decimals);
  if (format === undefined) {
    const digits = Math.max(0, Math.min(20, decimals));
    format = new Intl.NumberFormat(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    formats.set(decimals, format);
  }
  return format.format(value);
}
