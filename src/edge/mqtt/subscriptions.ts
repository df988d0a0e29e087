/** What is subscribed to for a list of topic patterns. */
import type { TopicSettings } from "./settings.ts";
import type { Subscription } from "./broker-connection.ts";

type Wanted = Pick<TopicSettings, "pattern" | "qos" | "share">;

/**
 * A filter for each pattern, once; none for what a wider one brings anyway, which then has the highest QoS of them: brokers may
 * send a message once for every subscription that it matches.
 */
export function subscriptionsOf(topics: readonly Wanted[]): Subscription[] {
  const unique = new Map<string, Wide>();
  for (const { pattern, qos, share } of topics) {
    const filter = share === undefined ? pattern.filter : `$share/${share}/${pattern.filter}`;
    const known = unique.get(filter);
    if (known === undefined || known.qos < qos) unique.set(filter, { filter, qos, share, plain: pattern.filter });
  }
  const all = [...unique.values()];
  const isCovered = (one: Wide) => all.some((other) => other.share === one.share && covers(other.plain, one.plain));
  return all
    .filter((one) => !isCovered(one))
    .map((wide) => {
      const narrow = all.filter((one) => one.share === wide.share && covers(wide.plain, one.plain));
      return { filter: wide.filter, qos: [wide, ...narrow].some(({ qos }) => qos === 1) ? 1 : 0 };
    });
}

interface Wide extends Subscription {
  readonly share: string | undefined;
  /** Without the group. */
  readonly plain: string;
}

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
