/** Who is in a session, and what each of them looks at. Pure. */
import type { CollaborationMessage, Member } from "../../wire/gen/collaboration_pb.ts";
import type { LookingAt } from "../looking-at.ts";

export type Members = ReadonlyMap<string, Member>;

/** The server takes 1 KiB of what passes by. */
const [HREF_MAX, NAMES_MAX, NAMES_LENGTH_MAX] = [400, 5, 200];

export function membersAfter(members: Members, message: CollaborationMessage): Members {
  const { messageType, metadata, members: named, userId } = message;
  const event = messageType === "system" ? metadata["event"] : undefined;
  if (event === "snapshot") return new Map(named.map((member) => [member.userId, member]));
  if (event === "left") {
    const gone = new Set(named.map((member) => member.userId));
    return new Map([...members].filter(([id]) => !gone.has(id)));
  }
  if (event === "renamed") {
    const others = [...members].filter(([id]) => id !== metadata["was"]);
    return new Map([...others, ...named.map((member): [string, Member] => [member.userId, member])]);
  }
  if (event === "joined" || event === "snapshot_end" || event === "resumed") {
    return new Map([...members, ...named.map((member): [string, Member] => [member.userId, member])]);
  }
  const member = members.get(userId);
  if (messageType !== "cursor" || member === undefined) return members;
  return new Map(members).set(userId, { ...member, lookingAt: metadata });
}

/** Those who are here as a call has told of them, which may be older than who came and went meanwhile. */
export function membersAsTold(members: Members, told: readonly Member[]): Members {
  const known = told
    .filter(({ userId }) => members.has(userId))
    .map((member): [string, Member] => [member.userId, member]);
  return new Map([...members, ...known]);
}

/** What an address shows, where its view does not say so itself. */
export function lookedAt(view: string, rest: readonly string[], params: URLSearchParams): LookingAt {
  const label = view === "" ? "Overview" : view[0].toUpperCase() + view.slice(1);
  const of = (...names: readonly string[]) =>
    names.flatMap((name) => params.getAll(name)).filter((each) => each !== "");
  return { view: [label, ...rest].join(" "), metrics: of("metric", "m"), devices: of("device") };
}

/** As the others are told of it. `href`: the address of what is shown, from its path on. */
export function tellingOf({ view, metrics, devices }: LookingAt, href: string): Record<string, string> {
  return {
    ...(view !== "" && { view }),
    ...(metrics.length > 0 && { metrics: namesText(metrics) }),
    ...(devices.length > 0 && { devices: namesText(devices) }),
    ...(href.length <= HREF_MAX && { href }),
  };
}

/** What a member says it looks at. */
export interface Seen {
  /** Such as "Explore: temperature, pump-1"; "" where it is not known. */
  readonly text: string;
  /** Undefined where it is no address of this console: who is here may be any program. */
  readonly href: string | undefined;
}

export function seenBy({ lookingAt }: Member): Seen {
  const { view = "", metrics = "", devices = "", metric = "", device = "", href = "" } = lookingAt;
  const what = [metrics || metric, devices || device].filter((part) => part !== "").join(", ");
  const text = [view, what].filter((part) => part !== "").join(": ");
  return { text, href: isOwnPath(href) ? href : undefined };
}

function isOwnPath(href: string): boolean {
  return URL.parse(href, "http://own.invalid")?.origin === "http://own.invalid" && /^\/(?![/\\])/.test(href);
}

function namesText(names: readonly string[]): string {
  const text = names.slice(0, NAMES_MAX).join(", ").slice(0, NAMES_LENGTH_MAX);
  return names.length > NAMES_MAX ? `${text} +${names.length - NAMES_MAX}` : text;
}
