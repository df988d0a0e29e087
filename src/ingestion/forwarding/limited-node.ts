/** What a node that forwards is held to: what it may send of, how much, and how many series it may make known. */
import type { WatchpostError } from "../../model/errors.ts";
import type { Allowance } from "../../wire/allowance.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import type { CallContext } from "../../wire/service.ts";
import type { LimitedSender, SenderOf } from "../limited-sender.ts";

export interface LimitedNode {
  readonly resolve: SeriesResolver;
  /** undefined: it may send all there are. */
  readonly sender: LimitedSender | undefined;
  /** Asked before a message, which is refused as a whole: what of one is refused its node takes for lost, and this comes again. */
  overLimits(): WatchpostError | undefined;
  onTaken(points: number): void;
}

export function limitedNode(
  { resolve, senderOf }: { readonly resolve: SeriesResolver; readonly senderOf: SenderOf },
  { principal, allowance }: Pick<CallContext, "principal" | "allowance">,
): LimitedNode {
  const sender = senderOf(principal);
  return {
    resolve: counting(resolve, allowance),
    sender: sender && { ...sender, resolve: counting(sender.resolve, allowance) },
    overLimits: () => allowance?.refusal("points_per_second") ?? allowance?.refusal("new_series_per_hour"),
    onTaken: (points) => allowance?.use("points_per_second", points),
  };
}

/** Series that are new are counted, and none is refused for that. */
function counting(resolve: SeriesResolver, allowance: Allowance | undefined): SeriesResolver {
  if (allowance === undefined) return resolve;
  const count = () => {
    allowance.use("new_series_per_hour", 1);
    return undefined;
  };
  return (metric, source, tags) => resolve(metric, source, tags, count);
}
