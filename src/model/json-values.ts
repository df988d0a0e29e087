/** How much there is in JSON, before it is parsed and behind it. Pure. */

const [QUOTE, BACKSLASH, COMMA, LIST, OBJECT] = [...'"\\,[{'].map((char) => char.charCodeAt(0));

/**
 * At least as many as there are objects, lists and values in them, and no more than twice that; counts no further than one past
 * `max`. Of what is no JSON: anything.
 */
export function countJsonValues(json: Uint8Array, max: number): number {
  let values = 0;
  let isText = false;
  for (let at = 0; at < json.length && values <= max; at++) {
    const byte = json[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += Number(byte === BACKSLASH);
    else if (byte === COMMA || byte === LIST || byte === OBJECT) values++;
  }
  return values;
}

/** Values in a parsed one, itself included; counts no further than one past `max`. */
export function countValues(parsed: unknown, max: number): number {
  const waiting = [parsed];
  let values = 0;
  while (waiting.length > 0 && values <= max) {
    const value = waiting.pop();
    values++;
    if (typeof value !== "object" || value === null) continue;
    for (const name in value) {
      waiting.push((value as Record<string, unknown>)[name]);
      if (waiting.length > max) return max + 1;
    }
  }
  return values;
}
