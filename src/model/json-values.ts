/** How much there is in JSON, before it is parsed and behind it. Pure. */

const [QUOTE, BACKSLASH, COMMA, LIST, OBJECT] = [...'"\\,[{'].map((char) => char.charCodeAt(0));

/**
 * At least as many as there are objects, lists and values in them, and no more than twice that; counts no further than one past
 * `max`. Of what is no JSON: anything.
 */
export function countJsonValues(json: Uint8Array, max: number): number {
  let values = 0;
  for (let at = 0; at < json.length && values <= max; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = textEnd(json, at + 1);
    else if (byte === COMMA || byte === LIST || byte === OBJECT) values++;
  }
  return values;
}

/** Where the quote stands that ends a text; long ones hold most of what is sent, and are not looked through here byte by byte. */
function textEnd(json: Uint8Array, from: number): number {
  for (let at = json.indexOf(QUOTE, from); at >= 0; at = json.indexOf(QUOTE, at + 1)) {
    let escapes = 0;
    while (at - escapes > from && json[at - escapes - 1] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return json.length;
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
