/** This node evaluates rules for the desk while that is on another one: offers it, over a stream that is opened again where it ends. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Evaluator, type EvaluatorDeps } from "../alerts/evaluation/evaluator.ts";
import type { Peers } from "../cluster/peers/peers.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import { Outgoing } from "../model/outgoing.ts";
import { pause } from "../model/pause.ts";
import { EvaluationOrderSchema, EvaluationReportsSchema } from "../wire/gen/evaluation_pb.ts";
import { Nodes } from "../wire/gen/nodes_pb.ts";

export interface EvaluatingDeps extends Omit<EvaluatorDeps, "send"> {
  readonly nodeId: string;
  readonly peers: Pick<Peers, "bidi">;
  readonly clock: Clock;
  /** Where the desk is; undefined: here, or nobody knows. */
  elsewhere(): { readonly address: string; readonly until: AbortSignal } | undefined;
  /** Whether this node may be given rules now. */
  mayEvaluate(): boolean;
  /** Aborted when this node stops. */
  readonly stopping: AbortSignal;
}

const RETRY_MS = 1_000;
/** Messages of reports that the desk has not taken; it takes the rules back then. */
const REPORTS_MAX = 100_000;

export class Evaluating {
  readonly #deps: EvaluatingDeps;
  readonly #deaf = new Set<string>();
  #evaluator: Evaluator | undefined;
  #over: AbortController | undefined;

  /** Runs until `stopping` is aborted. */
  constructor(deps: EvaluatingDeps) {
    this.#deps = deps;
    void this.#run();
  }

  /** Of rules that it evaluates for another node; undefined: none. */
  get engine(): Evaluator["engine"] | undefined {
    return this.#evaluator?.engine;
  }

  /** While nobody can be heard nobody is silent. */
  setHearing(isHearing: boolean, reason: string): void {
    if (isHearing) this.#deaf.delete(reason);
    else this.#deaf.add(reason);
    this.#evaluator?.setHearing(isHearing, reason);
  }

  /** It {@link EvaluatingDeps.mayEvaluate} no more, maybe. */
  look(): void {
    if (!this.#deps.mayEvaluate()) this.#over?.abort();
  }

  async #run(): Promise<void> {
    const { stopping, clock, mayEvaluate, elsewhere } = this.#deps;
    while (!stopping.aborted) {
      const desk = mayEvaluate() ? elsewhere() : undefined;
      // Whoever does not reach it looks for it elsewhere.
      if (desk !== undefined) await this.#evaluateFor(desk.address, desk.until).catch(() => {});
      await pause(RETRY_MS, clock, stopping);
    }
  }

  async #evaluateFor(address: string, until: AbortSignal): Promise<void> {
    const { peers, stopping, nodeId, onTrouble } = this.#deps;
    const reports = new Outgoing<Uint8Array>(REPORTS_MAX);
    this.#over = new AbortController();
    const signal = AbortSignal.any([until, stopping, this.#over.signal]);
    const send: EvaluatorDeps["send"] = (message) => {
      reports.push(toBinary(EvaluationReportsSchema, create(EvaluationReportsSchema, { ...message, nodeId })));
    };
    const evaluator = (this.#evaluator = new Evaluator({ ...this.#deps, send }));
    for (const reason of this.#deaf) evaluator.setHearing(false, reason);
    send({});
    try {
      for await (const order of peers.bidi(address, Nodes.method.evaluateRules, reports, { signal })) {
        evaluator.take(fromBinary(EvaluationOrderSchema, order));
      }
    } catch (error) {
      if (!signal.aborted) onTrouble(`rules are not evaluated here for the desk: ${messageOf(error)}`);
    } finally {
      this.#evaluator = undefined;
      evaluator.close();
      reports.end();
    }
  }
}
