/** Receivers and policies over the wire: what the rules file says of them, and whether notifications get there. */
import { actorOf } from "../wire/actor.ts";
import { nameIn } from "../model/texts.ts";
import type { Scope } from "../model/access.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import { unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { Alerts } from "../wire/gen/alerts_pb.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertReader } from "./list-alerts.ts";
import type { ListReceiversDeps } from "./list-receivers.ts";
import { policiesMessage } from "./policy-messages.ts";
import type { PreviewRoutingDeps } from "./preview-routing.ts";
import type { AskedTest, ChannelTest } from "./receivers/receiver-tests.ts";
import type { RuleBook } from "./rule-book.ts";
import type { SetAside } from "../model/set-aside.ts";

export interface Telling
  extends Pick<ListReceiversDeps, "setup" | "underWay">, Omit<PreviewRoutingDeps, "alertOf" | "sees"> {
  testReceiver(asked: AskedTest, signal: AbortSignal): Promise<ChannelTest[]>;
}

export interface ReceiverMethodDeps {
  readonly telling: Telling;
  readonly book: AlertBook;
  readonly rules: RuleBook;
  readonly reader: AlertReader;
  readonly setAside: SetAside;
  readonly rulesFile: string;
  sees(scope: Scope): SeesAlert;
  nowMs(): number;
}

export function receiverMethods(deps: ReceiverMethodDeps): MethodImpl[] {
  const { telling, book, rules, reader, setAside, rulesFile, nowMs } = deps;
  return [
    unary(Alerts.method.listPolicies, async () => {
      const all = rules.all().map(({ rule }) => rule);
      return { ...policiesMessage(telling.setup(), all, nowMs()), rulesFile };
    }),
    unary(Alerts.method.listReceivers, async ({ name }) => {
      const { listReceivers } = await import("./list-receivers.ts");
      const receivers = await listReceivers(nameIn(name, "name"), {
        setup: () => telling.setup(),
        underWay: (receiver, channel) => telling.underWay(receiver, channel),
        read: (query) => reader.read(query),
        setAside,
      });
      return { receivers, rulesFile };
    }),
    unary(Alerts.method.testReceiver, async ({ receiver: name, channel, userId }, context: CallContext) => {
      const asked = { name: nameIn(name, "receiver"), channel: nameIn(channel, "channel") };
      const tests = await telling.testReceiver({ ...asked, by: actorOf(userId, context) }, context.signal);
      return {
        channels: tests.map(({ channel: tested, isSent, outcome, durationMs }) => {
          return { channel: tested, sent: isSent, outcome, durationMs: BigInt(Math.round(durationMs)) };
        }),
      };
    }),
    unary(Alerts.method.previewRouting, async (request, { principal }) => {
      const preview: PreviewRoutingDeps = {
        setup: () => telling.setup(),
        silences: () => telling.silences(),
        wouldBeInhibitedBy: (labels) => telling.wouldBeInhibitedBy(labels),
        alertOf: (id) => book.get(id),
        sees: (given) => deps.sees(given),
      };
      const { previewRouting } = await import("./preview-routing.ts");
      return previewRouting(request, preview, principal, nowMs());
    }),
  ];
}
