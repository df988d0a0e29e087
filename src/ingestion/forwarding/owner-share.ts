/** How many nodes one principal may bring, and name as those that these get points from: what all share it does not take alone. Pure. */
import { WatchpostError } from "../../model/errors.ts";
import { isSameOwner, shown, type OriginOwner } from "./origin-owner.ts";

interface Brought {
  readonly id: string;
  readonly owner: OriginOwner | undefined;
  readonly behind: readonly string[];
}

/** Of each limit, to one principal. */
const SHARE = 1 / 4;

/**
 * Throws RESOURCE_EXHAUSTED where `by` would have more than its share with an origin and those behind it: of `max` nodes in all, and
 * `behindMax` behind them. Without credentials nobody can be told from others.
 */
export function checkShare(
  all: Iterable<Brought>,
  { id, behind }: Pick<Brought, "id" | "behind">,
  by: OriginOwner | undefined,
  { max, behindMax }: { readonly max: number; readonly behindMax: number },
): void {
  if (by === undefined) return;
  let [origins, named] = [1, behind.length];
  for (const other of all) {
    if (other.id === id || !isSameOwner(other.owner, by)) continue;
    origins++;
    named += other.behind.length;
  }
  const [originsMax, namedMax] = [Math.ceil(max * SHARE), Math.floor(behindMax * SHARE)];
  if (origins <= originsMax && named <= namedMax) return;
  const what = origins > originsMax ? `${originsMax} nodes` : `${namedMax} nodes behind those that it brings`;
  const message =
    `${shown(by)} has brought as many as one principal may: ${what}; give others a token of their own, ` +
    "or take away those that forward no more: watchpost upstream forget";
  throw new WatchpostError("RESOURCE_EXHAUSTED", message);
}
