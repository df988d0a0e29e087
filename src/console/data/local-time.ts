/** Times as fields of type datetime-local hold them, which know no zone: of this place, or UTC where that was chosen; to the second. */
import { isUtc } from "../format.ts";

export function localText(ms: number, utc = isUtc.peek()): string {
  const at = new Date(ms);
  if (utc) return at.toISOString().slice(0, 19);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const day = `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** Undefined: it is none. */
export function msOfLocalText(text: string, utc = isUtc.peek()): number | undefined {
  const ms = Date.parse(utc ? `${text}Z` : text);
  return text === "" || Number.isNaN(ms) ? undefined : ms;
}
