/** The parts of the alerts view, each under an address of its own: "/alerts/NAME". */
import type { DescMethod } from "@bufbuild/protobuf";
import type { FunctionComponent } from "preact";
import { lazy } from "../../lazy.tsx";
import { pathTo } from "../../route.ts";
import { LiveAlerts } from "./live/live.tsx";
import { Alerts } from "../../../wire/gen/alerts_pb.ts";
import { may } from "../../who.ts";

const PastAlerts = lazy(async () => (await import("./past/past.tsx")).PastAlerts);
const PoliciesView = lazy(async () => (await import("./policies/policies.tsx")).PoliciesView);
const ReceiversView = lazy(async () => (await import("./receivers/receivers.tsx")).ReceiversView);
const RulesView = lazy(async () => (await import("./rules/rules.tsx")).RulesView);
const SilencesView = lazy(async () => (await import("./silences/silences.tsx")).SilencesView);

export interface AlertsPart {
  /** "" is "/alerts" itself. Whatever else stands behind "/alerts/" is the id of an alert. */
  readonly name: string;
  readonly label: string;
  readonly View: FunctionComponent;
  /** What it reads: it is about the whole server, and not for those who see part of it. Missing: it is for everybody. */
  readonly method?: DescMethod;
}

export const ALERTS_PARTS: readonly AlertsPart[] = [
  { name: "", label: "Firing", View: LiveAlerts },
  { name: "past", label: "Past", View: PastAlerts },
  { name: "rules", label: "Rules", View: RulesView },
  { name: "silences", label: "Silences", View: SilencesView },
  { name: "policies", label: "Policies", View: PoliciesView, method: Alerts.method.listPolicies },
  { name: "receivers", label: "Receivers", View: ReceiversView, method: Alerts.method.listReceivers },
];

export function AlertsTabs({ present }: { present: string | undefined }) {
  return (
    <nav class="tabs" aria-label="Parts of alerts">
      {ALERTS_PARTS.filter(({ method }) => method === undefined || may(method)).map(({ name, label }) => (
        <a
          key={name}
          href={name === "" ? pathTo("alerts") : pathTo("alerts", name)}
          aria-current={name === present ? "page" : undefined}
        >
          {label}
        </a>
      ))}
    </nav>
  );
}
