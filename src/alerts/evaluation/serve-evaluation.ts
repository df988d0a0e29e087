/** The stream of a node that evaluates rules, as the desk answers it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../../model/errors.ts";
import { Outgoing } from "../../model/outgoing.ts";
import type { EvaluationOrderSchema, EvaluationReports } from "../../wire/gen/evaluation_pb.ts";
import type { SpreadRules } from "./spread-rules.ts";

type OrderInit = MessageInitShape<typeof EvaluationOrderSchema>;

/** A few for each rule; whoever is so far behind is not there any more. */
const ORDERS_MAX = 1_000_000;

/** Ends once the node has left, or is to come again. */
export async function* serveEvaluation(
  spread: Pick<SpreadRules, "join">,
  reports: AsyncIterable<EvaluationReports>,
): AsyncGenerator<OrderInit, void> {
  const source = reports[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) return;
  const { nodeId } = first.value;
  if (nodeId === "") throw new WatchpostError("INVALID_ARGUMENT", "the first message says which node it is: node_id");
  const orders = new Outgoing<OrderInit>(ORDERS_MAX);
  const joined = spread.join({ nodeId, send: (order) => void orders.push(order), end: () => orders.end() });
  const hear = async () => {
    for (let next = await source.next(); next.done !== true; next = await source.next()) joined.hear(next.value);
  };
  void hear()
    .catch(() => {})
    .finally(() => orders.end());
  try {
    yield* orders;
  } finally {
    joined.leave();
    void source.return?.();
  }
}
