/** A node that evaluates rules, as the desk has it: what it is ordered, and what it answers to that. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import type { EvaluationOrderSchema, EvaluationReport, LentStates } from "../../wire/gen/evaluation_pb.ts";

export type OrderInit = MessageInitShape<typeof EvaluationOrderSchema>;

export interface HeldBy {
  readonly nodeId: string;
  send(order: OrderInit): void;
  /** Ends the stream. */
  end(): void;
}

interface Asked {
  readonly number: number;
  /** Parts of the answer so far. */
  readonly states: LentStates["rules"];
  /** A part has come: the next one is waited for as long. */
  goOn(): void;
  resolve(report: EvaluationReport["report"]): void;
}

const ANSWER_MS = 8_000;

export class EvaluatingNode {
  readonly #node: HeldBy;
  readonly #clock: Pick<Clock, "after" | "monotonicMs">;
  readonly #left = Promise.withResolvers<undefined>();
  /** Number of the order that ended an instance, by rule and key. */
  readonly #resets = new Map<string, number>();
  #orders = 0;
  #asked: Asked | undefined;
  heardAtMs: number;
  /** It is asked for rules, or given some; there is more to do for it once that is done. */
  isBusy = false;
  isAgain = false;

  constructor(node: HeldBy, clock: Pick<Clock, "after" | "monotonicMs">) {
    this.#node = node;
    this.#clock = clock;
    this.heardAtMs = clock.monotonicMs();
  }

  get nodeId(): string {
    return this.#node.nodeId;
  }

  order(order: NonNullable<OrderInit["order"]>): void {
    this.#node.send({ number: BigInt(++this.#orders), order });
  }

  /** The condition of an instance must hold anew. What was said before that was carried out does not count: {@link isOfBefore}. */
  reset(rule: string, key: string): void {
    this.order({ case: "reset", value: { rule, key } });
    this.#resets.set(placeOf(rule, key), this.#orders);
  }

  /** What it says of an instance, having carried out orders up to `seen`, is of before that was ended by hand. */
  isOfBefore(rule: string, key: string, seen: number): boolean {
    return seen < (this.#resets.get(placeOf(rule, key)) ?? 0);
  }

  /** It has carried out orders up to `seen`. */
  saw(seen: number): void {
    this.heardAtMs = this.#clock.monotonicMs();
    for (const [place, number] of this.#resets) if (number <= seen) this.#resets.delete(place);
  }

  /** To its last order, whole; undefined: it has left, or `unless` came before. `onLate` is called where it does not answer, and is to send it away. */
  async answer(onLate: () => void, unless?: Promise<undefined>): Promise<EvaluationReport["report"] | undefined> {
    const { promise, resolve } = Promise.withResolvers<EvaluationReport["report"]>();
    let cancel = () => {};
    const goOn = () => {
      cancel();
      cancel = this.#clock.after(ANSWER_MS, onLate);
    };
    goOn();
    this.#asked = { number: this.#orders, states: [], goOn, resolve };
    const report = await Promise.race([promise, this.#left.promise, ...(unless === undefined ? [] : [unless])]);
    cancel();
    this.#asked = undefined;
    return report;
  }

  /** False: it is no answer. */
  hearAnswer(report: EvaluationReport["report"], seen: number): boolean {
    if (report.case !== "prepared" && report.case !== "ended") return false;
    const asked = this.#asked;
    if (asked === undefined || seen < asked.number) return true;
    if (report.case === "prepared") asked.resolve(report);
    else {
      // What was ended by hand meanwhile is not as it says.
      for (const state of report.value.rules) {
        state.instances = state.instances.filter(({ key }) => !this.isOfBefore(state.rule, key, seen));
        asked.states.push(state);
      }
      if (report.value.more) asked.goOn();
      else asked.resolve({ ...report, value: { ...report.value, rules: asked.states } });
    }
    return true;
  }

  leave(): void {
    this.#left.resolve(undefined);
    this.#node.end();
  }
}

function placeOf(rule: string, key: string): string {
  return `${rule}\0${key}`;
}
