import { useState } from "preact/hooks";
import { ConnectError } from "@connectrpc/connect";
import type { Alert } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";
import { alertList, areAlertsKnown, SEVERITIES } from "../../../data/alerts.ts";
import { countText, msOf, numberText } from "../../../format.ts";
import { Empty } from "../../../parts/empty.tsx";
import { NameField } from "../../../parts/name-field.tsx";
import { Severity } from "../../../parts/status.tsx";
import { Age } from "../../../parts/time.tsx";
import { route, setParams } from "../../../route.ts";
import { user } from "../../../user.ts";

const SHOWN = 200;

export function LiveAlerts() {
  const { params } = route.value;
  const severity = params.get("severity") ?? "";
  const found = alertList.value.filter((alert) => severity === "" || alert.severity === severity);
  return (
    <>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Severity{" "}
          <select value={severity} onChange={({ currentTarget }) => setParams({ severity: currentTarget.value })}>
            <option value="">all</option>
            {SEVERITIES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <NameField />
        <output>{countText(found.length)} firing</output>
      </form>
      {areAlertsKnown.value && found.length === 0 && (
        <Empty title="Nothing fires">Rules say what does: watchpost rules put FILE.</Empty>
      )}
      <ul class="alerts">
        {found.slice(0, SHOWN).map((alert) => (
          <AlertRow key={alert.id} alert={alert} />
        ))}
      </ul>
      {found.length > SHOWN && <p>{countText(found.length - SHOWN)} more.</p>}
    </>
  );
}

function AlertRow({ alert }: { alert: Alert }) {
  const [comment, setComment] = useState("");
  const [failure, setFailure] = useState("");
  const acknowledge = async () => {
    try {
      await alertsApi.acknowledgeAlert({ id: alert.id, userId: user.peek(), comment });
      setFailure("");
    } catch (error) {
      setFailure(ConnectError.from(error).rawMessage);
    }
  };
  const { severity, title, description, createdAt, acknowledged, acknowledgedBy, acknowledgedComment, value } = alert;
  return (
    <li data-acknowledged={acknowledged}>
      <Severity severity={severity} />
      <div>
        <strong>{title}</strong> <span class="dim">{numberText(value)}</span>
        <p>{description}</p>
        {acknowledged && (
          <p class="dim">
            {acknowledgedBy} takes care of it{acknowledgedComment !== "" && `: ${acknowledgedComment}`}
          </p>
        )}
        {failure !== "" && <p role="alert">{failure}</p>}
      </div>
      <Age ms={msOf(createdAt)} />
      {!acknowledged && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void acknowledge();
          }}
        >
          <input
            aria-label={`Comment on ${title}`}
            placeholder="comment"
            value={comment}
            onInput={({ currentTarget }) => setComment(currentTarget.value)}
          />
          <button type="submit" disabled={user.value === ""} title={user.value === "" ? "Say your name first" : ""}>
            Acknowledge
          </button>
        </form>
      )}
    </li>
  );
}
