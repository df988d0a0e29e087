/** Text of people, with what it names as links. It stays text: no markup is read in it. Pure. */

export interface Part {
  readonly text: string;
  /** Undefined: it is text. */
  readonly href?: string;
  /** It leads away from the console. */
  readonly isOutside?: boolean;
}

export interface Known {
  isDevice(name: string): boolean;
  isMetric(name: string): boolean;
  /** The id of the alert that begins so, where there is one alone. */
  alertId(begin: string): string | undefined;
}

const WORD = /https?:\/\/[^\s<>"]+|#\d{1,15}\b|[\p{L}\p{N}_][\p{L}\p{N}_.:/@-]*/gu;
/** So many letters of an id mean an alert. */
export const ALERT_ID_LEAST = 8;

export function linkedParts(text: string, known: Known): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(WORD)) {
    // A sentence ends behind a name, too.
    const word = found.replace(/[.,:;/!?)\]'-]+$/, "");
    const link = linkOf(word, known);
    if (link === undefined) continue;
    if (index > from) parts.push({ text: text.slice(from, index) });
    parts.push({ text: word, ...link });
    from = index + word.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

function linkOf(word: string, known: Known): Omit<Part, "text"> | undefined {
  if (/^https?:\/\//.test(word)) return URL.canParse(word) ? { href: word, isOutside: true } : undefined;
  if (word.startsWith("#")) return { href: `/issues/${word.slice(1)}` };
  if (known.isDevice(word)) return { href: `/devices/${encodeURIComponent(word)}` };
  if (known.isMetric(word)) return { href: `/explore?metric=${encodeURIComponent(word)}` };
  const alertId = word.length >= ALERT_ID_LEAST ? known.alertId(word) : undefined;
  return alertId === undefined ? undefined : { href: `/alerts/${encodeURIComponent(alertId)}` };
}
