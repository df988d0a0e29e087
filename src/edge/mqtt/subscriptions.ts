/** What is subscribed to for a list of topic patterns. Pure. */
import type { TopicSettings } from "./settings.ts";

type Wanted = Pick<TopicSettings, "pattern" | "qos" | "share">;

export interface Subscription {
  /** With its share group. */
  readonly filter: string;
  /** Without it. */
  readonly topics: string;
  /** Of its messages some go to other members of the group. */
  readonly isShared: boolean;
  readonly qos: 0 | 1;
  /** Another one takes some of its topics: the broker may send a message once for each. */
  readonly overlaps: boolean;
}

/**
 * A filter for each pattern, once; none for what a wider one brings anyway, which then has the highest QoS of them. What is to
 * count where messages come more than once stands first.
 */
export function subscriptionsOf(topics: readonly Wanted[]): Subscription[] {
  const unique = new Map<string, Wide>();
  for (const { pattern, qos, share } of topics) {
    const filter = share === undefined ? pattern.filter : `$share/${share}/${pattern.filter}`;
    const known = unique.get(filter);
    if (known === undefined || known.qos < qos) unique.set(filter, { filter, qos, share, topics: pattern.filter });
  }
  const all = [...unique.values()];
  const isCovered = (one: Wide) => all.some((other) => other.share === one.share && covers(other.topics, one.topics));
  const wide = all.filter((one) => !isCovered(one));
  const qosOf = (one: Wide): 0 | 1 => {
    const narrow = all.filter((each) => each.share === one.share && covers(one.topics, each.topics));
    return [one, ...narrow].some(({ qos }) => qos === 1) ? 1 : 0;
  };
  return wide
    .map((one) => ({
      ...{ filter: one.filter, topics: one.topics, isShared: one.share !== undefined, qos: qosOf(one) },
      overlaps: wide.some((other) => other !== one && overlap(other.topics, one.topics)),
    }))
    .sort((a, b) => b.qos - a.qos || Number(a.isShared) - Number(b.isShared));
}

interface Wide {
  readonly filter: string;
  readonly qos: 0 | 1;
  readonly share: string | undefined;
  readonly topics: string;
}

/**
 * Tells the copies of a message that several subscriptions bring: the first of them that was made is the one that counts. An
 * identifier stands for a subscription and those before it, so that what a broker kept under earlier settings is no copy of
 * anything.
 */
export class Copies {
  /** By identifier: what was subscribed to before. */
  readonly #before = new Map<number, readonly string[]>();

  /** `expected`: what will be subscribed to, in this order, where the broker grants it: messages that it kept come before. */
  constructor(expected: readonly Subscription[]) {
    expected.forEach((one, i) => this.identify(one, expected.slice(0, i)));
  }

  /** The identifier of one that is subscribed to when others are. */
  identify({ topics }: Subscription, before: readonly Subscription[]): number {
    // What goes to a group may have gone to another member of it.
    const own = before.filter(({ isShared }) => !isShared);
    const others = own.map((other) => other.topics).filter((other) => overlap(other, topics));
    const hash = Bun.hash.xxHash32(JSON.stringify([...others, topics]));
    const identifier = (hash % IDENTIFIER_MAX) + 1;
    this.#before.set(identifier, others);
    return identifier;
  }

  /** Whether a message with these identifiers comes by another subscription, too. */
  isCopy(topic: string, identifiers: number | readonly number[] = []): boolean {
    const given = typeof identifiers === "number" ? [identifiers] : identifiers;
    return given.length > 0 && given.every((each) => this.#before.get(each)?.some((filter) => takes(filter, topic)));
  }
}

const IDENTIFIER_MAX = 268_435_455;

/** Whether every topic of `other` is one of `filter`; filters that differ in text. */
function covers(filter: string, other: string): boolean {
  const [wide, narrow] = [filter.split("/"), other.split("/")];
  if (filter === other || (other.startsWith("$") && /^[+#]/.test(filter))) return false;
  for (let i = 0; i < wide.length; i++) {
    if (wide[i] === "#") return true;
    if (i >= narrow.length || narrow[i] === "#") return false;
    if (wide[i] !== "+" && wide[i] !== narrow[i]) return false;
  }
  return wide.length === narrow.length;
}

/** Whether there may be a topic that both take. */
function overlap(a: string, b: string): boolean {
  const [left, right] = [a.split("/"), b.split("/")];
  if (isHidden(a, b) || isHidden(b, a)) return false;
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if (left[i] === "#" || right[i] === "#") return true;
    // What "a/#" takes is "a", too.
    if (i >= left.length || i >= right.length) return false;
    if (left[i] !== right[i] && left[i] !== "+" && right[i] !== "+") return false;
  }
  return true;
}

function takes(filter: string, topic: string): boolean {
  const [levels, parts] = [filter.split("/"), topic.split("/")];
  if (isHidden(filter, topic)) return false;
  for (let i = 0; i < levels.length; i++) {
    if (levels[i] === "#") return true;
    if (i >= parts.length || (levels[i] !== "+" && levels[i] !== parts[i])) return false;
  }
  return levels.length === parts.length;
}

/** Topics of the broker itself are not meant by wildcards. */
function isHidden(filter: string, topic: string): boolean {
  return topic.startsWith("$") && /^[+#]/.test(filter);
}
