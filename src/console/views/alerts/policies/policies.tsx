import type { ListPoliciesResponse } from "../../../../wire/gen/receivers_pb.ts";
import { alertsApi } from "../../../api.ts";
import { useView } from "../../../use-view.ts";
import { usePolled } from "../../../data/polled.ts";
import { Empty } from "../../../parts/empty.tsx";
import { pathTo } from "../../../route.ts";
import { Escalations, Schedules } from "./escalations.tsx";
import { RouteTree } from "./route-tree.tsx";
import { WhoIsTold } from "./who-is-told.tsx";
import "./policies.css";

const READ_EVERY_MS = 15_000;

/** "/alerts/policies": who is told of which alerts, and when. */
export function PoliciesView() {
  const { value, failure } = usePolled((options) => alertsApi.listPolicies({}, options), { everyMs: READ_EVERY_MS });
  useView("Policies");
  return (
    <section aria-label="Policies" class="policies">
      {failure !== "" && <p role="alert">Policies could not be read: {failure}.</p>}
      {value === undefined && failure === "" && <p role="status">Reading policies…</p>}
      {value !== undefined && value.route === undefined && (
        <Empty title="Nobody is told of alerts">
          {value.rulesFile === ""
            ? "The server has no rules file: name one in its settings as alerts.rules_file, with receivers and a route."
            : `${value.rulesFile} on the server has no receivers and no route.`}
        </Empty>
      )}
      {value !== undefined && (
        <>
          {value.route !== undefined && <WhoIsTold escalations={value.escalations.map(({ name }) => name)} />}
          {value.route !== undefined && (
            <section class="card">
              <h2>Routes</h2>
              <p class="field-help">
                An alert goes to the deepest route whose matchers it meets, and to the first such way alone unless a
                route goes on.
              </p>
              <RouteTree route={value.route} />
            </section>
          )}
          <Inhibitions policies={value} />
          <Escalations escalations={value.escalations} />
          <Schedules schedules={value.schedules} />
          <Others policies={value} />
        </>
      )}
    </section>
  );
}

function Inhibitions({ policies: { inhibitions } }: { policies: ListPoliciesResponse }) {
  if (inhibitions.length === 0) return null;
  return (
    <section class="card">
      <h2>Inhibition</h2>
      <ul>
        {inhibitions.map(({ sourceMatchers, targetMatchers, equal }, i) => (
          <li key={i}>
            While an alert fires with <Matchers texts={sourceMatchers} />, nobody is told of those with{" "}
            <Matchers texts={targetMatchers} />
            {equal.length > 0 && ` and the same ${equal.join(", ")}`}.
          </li>
        ))}
      </ul>
    </section>
  );
}

function Others({ policies }: { policies: ListPoliciesResponse }) {
  const { correlationWindow, correlationLabels, maxAlerts, externalUrl, silenceNotice, rulesFile } = policies;
  return (
    <section class="card">
      <h2>Beside that</h2>
      <ul>
        <li>
          One incident: alerts of the same source or device
          {correlationLabels.length > 0 && `, or with the same ${correlationLabels.join(" or ")}`}, within{" "}
          {correlationWindow}.
        </li>
        <li>At most {maxAlerts} alerts in one notification; the rest are counted.</li>
        <li>A silence is announced {silenceNotice} before its end.</li>
        <li>
          {externalUrl === ""
            ? "Notifications have no link to this server: external_url is not set."
            : `Links lead to ${externalUrl}.`}
        </li>
        <li>
          Quiet hours are those of <a href={pathTo("alerts", "rules")}>rules</a>: the times at which each notifies.
        </li>
        {rulesFile !== "" && <li>All of it stands in {rulesFile} on the server and is changed there.</li>}
      </ul>
    </section>
  );
}

export function Matchers({ texts }: { texts: readonly string[] }) {
  return (
    <>
      {texts.map((text, i) => (
        <span key={i}>
          {i > 0 && " and "}
          <code>{text}</code>
        </span>
      ))}
    </>
  );
}
