/**
 * Text from outside (titles, label values) made fit for each channel. JSON needs nothing of this: its strings are escaped
 * when they are written.
 */

/** Steers terminals, mail programs and, the last ones, the order in which text is read. */
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const UNKNOWN = "\ufffd";
/** Invisible, and ends a word. */
const BREAK = "\u200b";
/** With a first "$": topics that begin with it belong to the broker. */
const LEVEL_UNSAFE = /^\$|[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff+#/%]/g;
/** An empty level is legal, and lost in many a subscription. */
const LEVEL_EMPTY = "_";

/** Lines of readable text: what is left of control characters is a mark where they stood. */
export function plainText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\r\n?|[\u0085\u2028\u2029]/g, "\n")
    .replaceAll("\t", " ")
    .replaceAll(CONTROLS, UNKNOWN);
}

/** Fit for a heading and for the header of a mail: no line can be ended and none added. */
export function singleLine(text: string): string {
  return plainText(text).replaceAll(/\s+/g, " ").trim();
}

/**
 * Slack's own markup lives between < and >, so `<!channel>` and `<url|text>` are text after this. Compatible servers know
 * `@channel` and Markdown links too: both are broken up.
 */
export function slackText(text: string): string {
  return plainText(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/(?<![\p{L}\p{N}_])@(?=[\p{L}\p{N}_])/gu, `@${BREAK}`)
    .replaceAll("](", `]${BREAK}(`);
}

/** For text and for quoted attributes. */
export function htmlText(text: string): string {
  return plainText(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** One level of an MQTT topic: a value in it can neither add levels nor be a wildcard. Percent-encoded, "_" where empty. */
export function topicLevel(text: string): string {
  if (text === "") return LEVEL_EMPTY;
  return text.toWellFormed().replaceAll(LEVEL_UNSAFE, (character) => percentEncoded(character));
}

function percentEncoded(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** `url` where a click on it opens a page; undefined for all others, "javascript:" among them. */
export function pageUrl(url: string): string | undefined {
  const parsed = URL.parse(url);
  return parsed !== null && /^https?:$/.test(parsed.protocol) ? parsed.href : undefined;
}
