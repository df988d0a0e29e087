/** Which node evaluates a rule. Pure. */
import { fixedHash } from "../fixed-hash.ts";

/**
 * By rendezvous hashing (Thaler and Ravishankar, 1998): the node whose hash with the rule is the highest. So a node that comes or goes
 * moves those rules alone that it has. `nodes`: ids, in any order, not empty.
 */
export function ruleHolder(rule: string, nodes: Iterable<string>): string {
  let [holder, highest] = ["", ""];
  for (const node of nodes) {
    const weight = `${fixedHash(`${node}\0${rule}`)} ${node}`;
    if (weight > highest) [holder, highest] = [node, weight];
  }
  return holder;
}

const REMEMBERED_MAX = 200_000;

/** Remembers which node each rule goes to, as long as there are no others. */
export class RuleHolders {
  readonly #known = new Map<string, string>();

  /** Nodes are others. */
  clear(): void {
    this.#known.clear();
  }

  of(rule: string, nodes: readonly string[]): string {
    const known = this.#known.get(rule);
    if (known !== undefined) return known;
    const holder = ruleHolder(rule, nodes);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(rule, holder);
    return holder;
  }
}
