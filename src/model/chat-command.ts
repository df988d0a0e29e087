/** What is typed in a session: a message, or a command behind a slash. Pure. */
import { parseDurationMs } from "./duration.ts";
import { messageOf, WatchpostError } from "./errors.ts";

export type ChatCommand =
  | { readonly kind: "say"; readonly text: string }
  /** Carried out by the server, see docs/sessions.md. */
  | { readonly kind: "action"; readonly text: string; readonly metadata: Readonly<Record<string, string>> }
  /** A new one; or with a number in its metadata a comment on one, or a change of it. */
  | { readonly kind: "issue"; readonly text: string; readonly metadata: Readonly<Record<string, string>> }
  | { readonly kind: "show-issue"; readonly number: bigint }
  | {
      readonly kind: "annotate";
      readonly about: Readonly<Record<string, string>>;
      readonly lastMs: number;
      readonly text: string;
    }
  | { readonly kind: "alerts" | "issues" | "who" | "help" | "quit" };

interface Known {
  readonly usage: string;
  readonly what: string;
  /** `rest`: what stands behind the command, trimmed. Undefined where it is not as it should be. */
  parse(rest: string): ChatCommand | undefined;
}

const COMMANDS: Readonly<Record<string, Known>> = {
  ack: {
    usage: "/ack ALERT [COMMENT]",
    what: "acknowledge an alert; the first letters of its id are enough",
    parse: (rest) => alertAction("acknowledge", rest),
  },
  resolve: {
    usage: "/resolve ALERT [COMMENT]",
    what: "end an alert by hand",
    parse: (rest) => alertAction("resolve", rest),
  },
  assign: {
    usage: "/assign ALERT USER",
    what: "hand an alert over; - for USER: to nobody",
    parse(rest) {
      const [alert, user] = split(rest, 1);
      if (alert === "" || user === "") return undefined;
      return {
        kind: "action",
        text: "",
        metadata: { action: "assign", alert_id: alert, assignee: user === "-" ? "" : user },
      };
    },
  },
  comment: {
    usage: "/comment ALERT TEXT",
    what: "say something about an alert",
    parse: (rest) => (split(rest, 1)[1] === "" ? undefined : alertAction("comment", rest)),
  },
  silence: {
    usage: "/silence ALERT DURATION [COMMENT]",
    what: "nobody is told of an alert for a time such as 2h",
    parse(rest) {
      const [alert, duration, text] = split(rest, 2);
      if (duration === "") return undefined;
      durationOf("the time of a silence", duration);
      return { kind: "action", text, metadata: { action: "silence", alert_id: alert, duration } };
    },
  },
  issue: {
    usage: "/issue TITLE, /issue NUMBER [COMMENT]",
    what: "open an issue; or show one, or comment on it",
    parse(rest) {
      const [number, text] = numbered(rest);
      if (number === "") return rest === "" ? undefined : { kind: "issue", text: rest, metadata: {} };
      return text === ""
        ? { kind: "show-issue", number: BigInt(number) }
        : { kind: "issue", text, metadata: { number } };
    },
  },
  done: {
    usage: "/done NUMBER [COMMENT]",
    what: "an issue is resolved",
    parse(rest) {
      const [number, text] = numbered(rest);
      return number === "" ? undefined : { kind: "issue", text, metadata: { number, status: "resolved" } };
    },
  },
  annotate: {
    usage: "/annotate [KEY=VALUE…] TEXT",
    what: "a note on charts; KEY: metric, device, source, alert, or last=10m for a range up to now",
    parse: annotate,
  },
  alerts: { usage: "/alerts", what: "which are active, with their ids", parse: (rest) => alone("alerts", rest) },
  issues: { usage: "/issues", what: "which of this session are open", parse: (rest) => alone("issues", rest) },
  who: { usage: "/who", what: "who is here", parse: (rest) => alone("who", rest) },
  help: { usage: "/help", what: "these commands", parse: (rest) => alone("help", rest) },
  quit: { usage: "/quit", what: "leave; so do Ctrl-D and Ctrl-C", parse: (rest) => alone("quit", rest) },
};

/** Undefined where nothing was typed. Throws INVALID_ARGUMENT for commands that there are not, or that lack something. */
export function chatCommandOf(line: string): ChatCommand | undefined {
  if (line.trim() === "") return undefined;
  if (!line.startsWith("/")) return { kind: "say", text: line };
  if (line.startsWith("//")) return { kind: "say", text: line.slice(1) };
  const [, name, rest] = /^\/(\S*)\s*([^]*)$/.exec(line)!;
  if (!Object.hasOwn(COMMANDS, name)) {
    const all = Object.keys(COMMANDS).map((each) => `/${each}`);
    const message = `there is no command ${JSON.stringify(`/${name}`)}; wanted ${all.join(", ")}, or // for a message that begins with a slash`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  const known = COMMANDS[name];
  const command = known.parse(rest.trim());
  if (command !== undefined) return command;
  throw new WatchpostError(
    "INVALID_ARGUMENT",
    `/${name} was given ${JSON.stringify(rest.trim())}; wanted ${known.usage}`,
  );
}

/** How each command is typed, and what it does. */
export const CHAT_COMMANDS: readonly Pick<Known, "usage" | "what">[] = Object.values(COMMANDS);

/** What completes a command that is being typed: what all have in common that begin so. */
export function completionOf(before: string): string {
  const [, begun] = /^\/(\w*)$/.exec(before) ?? [];
  if (begun === undefined) return "";
  const [first = "", ...others] = Object.keys(COMMANDS).filter((name) => name.startsWith(begun));
  if (others.length === 0 && first !== "") return `${first.slice(begun.length)} `;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(begun.length, length);
}

function alertAction(action: string, rest: string): ChatCommand | undefined {
  const [alert, text] = split(rest, 1);
  return alert === "" ? undefined : { kind: "action", text, metadata: { action, alert_id: alert } };
}

/** The number of an issue, "" where none stands first, and what stands behind it. */
function numbered(text: string): [string, string] {
  const [, number = "", rest = ""] = /^#?(\d{1,15})(?:\s+([^]*))?$/.exec(text) ?? [];
  return [number, rest];
}

function annotate(rest: string): ChatCommand | undefined {
  const about: Record<string, string> = {};
  let lastMs = 0;
  let text = rest;
  for (;;) {
    const [whole, key, quoted, plain] = /^(metric|source|device|alert|last)=(?:"([^"]*)"|(\S*))\s*/.exec(text) ?? [];
    if (whole === undefined) break;
    const value = quoted ?? plain;
    if (value === "") return undefined;
    if (key === "last") lastMs = durationOf("last", value);
    else about[key] = value;
    text = text.slice(whole.length);
  }
  return text === "" ? undefined : { kind: "annotate", about, lastMs, text };
}

function alone(kind: "alerts" | "issues" | "who" | "help" | "quit", rest: string): ChatCommand | undefined {
  return rest === "" ? { kind } : undefined;
}

/** The first `count` words, and what stands behind them; "" for what there is not. */
function split(text: string, count: number): string[] {
  const words: string[] = [];
  let rest = text;
  for (let i = 0; i < count; i++) {
    const [whole, word] = /^(\S*)\s*/.exec(rest)!;
    words.push(word);
    rest = rest.slice(whole.length);
  }
  return [...words, rest];
}

function durationOf(what: string, text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", `${what}: ${messageOf(error)}`);
  }
}
