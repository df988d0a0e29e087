/** Calls of the Alerts service of a rig, as a transport makes them. */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Alerts, AlertChange, AlertSchema, AlertSubscriptionSchema, type Alert } from "../../src/wire/gen/alerts_pb.ts";
import { EVERYTHING, type Scope } from "../../src/model/access.ts";
import { ANONYMOUS, type CallContext, type MethodImpl, type Principal } from "../../src/wire/service.ts";
import type { AlertsRig } from "./rig.ts";

function contextOf(signal: AbortSignal, scope: Scope, as: Partial<Principal> = {}): CallContext {
  return { signal, principal: { ...ANONYMOUS, ...as, scope }, headers: new Map(), peer: "test" };
}

function implOf(rig: AlertsRig, name: string): MethodImpl {
  return rig.alerts.methods.find(({ method }) => method.localName === name)!;
}

export async function call<I extends DescMessage, O extends DescMessage>(
  rig: AlertsRig,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  scope = EVERYTHING,
  as: Partial<Principal> = {},
): Promise<MessageShape<O>> {
  const run = implOf(rig, method.localName).run as (request: unknown, context: CallContext) => Promise<never>;
  const context = contextOf(new AbortController().signal, scope, as);
  return create(method.output, await run(create(method.input, request), context));
}

/** Everything that waits for nothing but its turn is done. */
export function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** A subscription whose messages are taken as they come; or, with `isSlow`, when {@link Reader.take} asks. */
export class Reader {
  readonly messages: Alert[] = [];
  /** "" while it goes on; "end", or how it failed. */
  ended = "";
  readonly #abort = new AbortController();
  readonly #source: AsyncIterator<MessageInitShape<typeof AlertSchema>>;

  constructor(
    rig: AlertsRig,
    request: MessageInitShape<typeof AlertSubscriptionSchema>,
    isSlow = false,
    scope = EVERYTHING,
  ) {
    const run = implOf(rig, Alerts.method.subscribeAlerts.localName).run as (
      request: unknown,
      context: CallContext,
    ) => AsyncIterable<never>;
    const context = contextOf(this.#abort.signal, scope);
    this.#source = run(create(AlertSubscriptionSchema, request), context)[Symbol.asyncIterator]();
    if (!isSlow) void this.#takeAll();
  }

  /** Takes one message; resolves with whether there was one. */
  async take(): Promise<boolean> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.ended = "end";
      else this.messages.push(create(AlertSchema, value));
    } catch (error) {
      this.ended = String(error);
    }
    return this.ended === "";
  }

  abort(): void {
    this.#abort.abort();
  }

  async close(): Promise<void> {
    this.abort();
    await this.#source.return?.();
  }

  /** What came since the last call: "id change severity", and what else is worth a word. */
  said(): string[] {
    return this.messages.splice(0).map(saidOf);
  }

  async #takeAll(): Promise<void> {
    while (await this.take());
  }
}

export function saidOf(alert: Alert): string {
  if (alert.snapshotEnd) return "snapshot end";
  const change = alert.change === AlertChange.UNSPECIFIED ? "" : ` ${AlertChange[alert.change].toLowerCase()}`;
  const removed = alert.removed ? " removed" : "";
  return `${alert.id}${change} ${alert.severity}${alert.acknowledged ? " ack" : ""}${removed}`;
}
