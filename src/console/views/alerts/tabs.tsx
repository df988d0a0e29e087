/** The parts of the alerts view, each under an address of its own: "/alerts/NAME". */
import type { FunctionComponent } from "preact";
import { lazy } from "../../lazy.tsx";
import { pathTo } from "../../route.ts";
import { LiveAlerts } from "./live/live.tsx";

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
}

export const ALERTS_PARTS: readonly AlertsPart[] = [
  { name: "", label: "Firing", View: LiveAlerts },
  { name: "past", label: "Past", View: PastAlerts },
  { name: "rules", label: "Rules", View: RulesView },
  { name: "silences", label: "Silences", View: SilencesView },
  { name: "policies", label: "Policies", View: PoliciesView },
  { name: "receivers", label: "Receivers", View: ReceiversView },
];

export function AlertsTabs({ present }: { present: string | undefined }) {
  return (
    <nav class="tabs" aria-label="Parts of alerts">
      {ALERTS_PARTS.map(({ name, label }) => (
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
