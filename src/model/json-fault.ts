/** Where a text stops being JSON (RFC 8259), which JSON.parse does not say. Pure. */

export interface JsonFault {
  /** From 1, in characters. */
  readonly line: number;
  readonly column: number;
  /** What could stand there. */
  readonly wanted: string;
}

type State = "value" | "first value" | "name" | "first name" | "colon" | "next";

const SPACE = /[ \t\r\n]*/y;
const PUNCTUATION = /[{}[\],:]/y;
// One pattern for a whole string would take a stack as long as the string.
const PLAIN = /[^"\\\u0000-\u001f]{0,65536}/y;
const ESCAPED = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;
const OTHER = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)(?![\w.])/y;

const LINE_FEED = 10;
/** Between two yields: a few milliseconds. */
const TOKENS_AT_ONCE = 10_000;
const CHARACTERS_AT_ONCE = 1 << 20;

/** Undefined where it is JSON all through. */
export function jsonFault(text: string): JsonFault | undefined {
  const turns = jsonFaultInTurns(text);
  for (;;) {
    const { done, value } = turns.next();
    if (done) return value;
  }
}

/** The same, which yields where others may have a turn. */
export function* jsonFaultInTurns(text: string): Generator<void, JsonFault | undefined, void> {
  const open: ("{" | "[")[] = [];
  let state: State = "value";
  let at = 0;
  const read = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) at += found.length;
    return found;
  };
  const isText = function* (): Generator<void, boolean, void> {
    if (text[at] !== '"') return false;
    const from = at++;
    let yielded = at;
    while (read(PLAIN) !== "" || read(ESCAPED) !== undefined) {
      if (at - yielded < CHARACTERS_AT_ONCE) continue;
      yielded = at;
      yield;
    }
    const isWhole = text[at++] === '"';
    if (!isWhole) at = from;
    return isWhole;
  };
  for (let tokens = 1; ; tokens++) {
    if (tokens % TOKENS_AT_ONCE === 0) yield;
    read(SPACE);
    if (at === text.length && state === "next" && open.length === 0) return undefined;
    const from = at;
    const next = after(state, open, read(PUNCTUATION) ?? ((yield* isText()) ? '"' : read(OTHER) && "0") ?? "");
    if (next === undefined) return { ...(yield* placeOf(text, from)), wanted: wantedIn(state, open.at(-1)) };
    state = next;
  }
}

/** The state behind a token, of which strings are '"' and other values "0"; undefined where it may not stand there. */
function after(state: State, open: ("{" | "[")[], token: string): State | undefined {
  const inside = open.at(-1);
  const isEnd = (token === "}" && inside === "{") || (token === "]" && inside === "[");
  if (isEnd && (state === "next" || state === (token === "}" ? "first name" : "first value"))) {
    open.pop();
    return "next";
  }
  if (state === "value" || state === "first value") {
    if (token === "{" || token === "[") {
      open.push(token);
      return token === "{" ? "first name" : "first value";
    }
    return token === '"' || token === "0" ? "next" : undefined;
  }
  if (state === "name" || state === "first name") return token === '"' ? "colon" : undefined;
  if (state === "colon") return token === ":" ? "value" : undefined;
  if (token !== "," || inside === undefined) return undefined;
  return inside === "{" ? "name" : "value";
}

function wantedIn(state: State, inside: "{" | "[" | undefined): string {
  if (state === "colon") return '":"';
  if (state === "next") return inside === undefined ? "the end" : inside === "{" ? '"," or "}"' : '"," or "]"';
  if (state === "name" || state === "first name") return `a name in double quotes${state === "name" ? "" : ' or "}"'}`;
  return `a value${state === "value" ? "" : ' or "]"'}`;
}

function* placeOf(text: string, at: number): Generator<void, { line: number; column: number }, void> {
  let line = 1;
  let from = 0;
  // In a text of lines alone looking for each takes several times as long.
  for (let i = 0; i < at; i++) {
    if (i % CHARACTERS_AT_ONCE === 0) yield;
    if (text.charCodeAt(i) !== LINE_FEED) continue;
    line++;
    from = i + 1;
  }
  return { line, column: at - from + 1 };
}
