import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Device } from "../../../../wire/gen/devices_pb.ts";
import { IssueStatus } from "../../../../wire/gen/issues_pb.ts";
import { alertBook, alertsVersion, followValues } from "../../../data/alerts.ts";
import { annotations } from "../../../data/annotations.ts";
import { deliveryOf, issuesOf, notesOf, pastAlerts, sessionsOf, type Part } from "../../../data/device-context.ts";
import { usePolled, type Polled } from "../../../data/polled.ts";
import { countText, msOf, numberText } from "../../../format.ts";
import { Severity } from "../../../parts/status.tsx";
import { Age, Time } from "../../../parts/time.tsx";
import { pathTo } from "../../../route.ts";

const READ_EVERY_MS = 30_000;

interface AboutDeviceProps {
  readonly device: Device;
  /** Missing: one may not. */
  readonly onAnnotate: (() => void) | undefined;
}

/** What fired, was noted, is worked on and was delivered. */
export function AboutDevice({ device, onAnnotate }: AboutDeviceProps) {
  const { deviceId, sources } = device;
  return (
    <div class="device-about">
      <DeviceAlerts deviceId={deviceId} />
      <Notes {...{ deviceId, onAnnotate }} />
      <Work deviceId={deviceId} />
      <Deliveries sources={sources} />
    </div>
  );
}

function DeviceAlerts({ deviceId }: { deviceId: string }) {
  useEffect(followValues, []);
  const active = alertsVersion.value >= 0 ? alertBook.active.filter(({ device }) => device === deviceId) : [];
  const past = usePolled((options) => pastAlerts(deviceId, options), {
    ...{ everyMs: READ_EVERY_MS, key: deviceId },
    inputs: [active.map(({ id }) => id).join()],
  });
  return (
    <About title="Alerts" state={past} none="Nothing fires, and nothing has." isOther={active.length > 0}>
      {active.map(({ id, alert, firedMs, status }) => (
        <li key={id}>
          <Severity severity={alert.severity} /> <a href={pathTo("alerts", id)}>{alert.title}</a>{" "}
          <span class="dim">
            {status}, {numberText(alert.value)}, for <Age ms={firedMs} />
          </span>
        </li>
      ))}
      {past.value?.items.map(({ id, title, severityMax, createdAt, clearedAt }) => (
        <li key={id}>
          <Severity severity={severityMax} /> <a href={pathTo("alerts", id)}>{title}</a>{" "}
          <span class="dim">
            <Time ms={msOf(createdAt)} /> to <Time ms={msOf(clearedAt)} />
          </span>
        </li>
      ))}
    </About>
  );
}

function Notes({ deviceId, onAnnotate }: { deviceId: string } & Pick<AboutDeviceProps, "onAnnotate">) {
  const notes = usePolled((options) => notesOf(deviceId, options), {
    ...{ everyMs: READ_EVERY_MS, key: deviceId },
    inputs: [annotations.value],
  });
  return (
    <About
      title="Notes"
      state={notes}
      none={
        <>
          Nothing was noted.{" "}
          {onAnnotate && (
            <button type="button" class="quiet" onClick={onAnnotate}>
              Annotate
            </button>
          )}
        </>
      }
    >
      {notes.value?.items.map(({ id, text, author, from, pin }) => (
        <li key={id}>
          <Time ms={msOf(from)} /> <strong>{author}</strong> {pin?.metric && <span class="dim">{pin.metric} </span>}
          {text}
        </li>
      ))}
    </About>
  );
}

function Work({ deviceId }: { deviceId: string }) {
  const issues = usePolled((options) => issuesOf(deviceId, options), { everyMs: READ_EVERY_MS, key: deviceId });
  const sessions = usePolled((options) => sessionsOf(deviceId, options), { everyMs: READ_EVERY_MS, key: deviceId });
  return (
    <>
      <About title="Issues" state={issues} none="No issue is about it.">
        {issues.value?.items.map(({ number, title, status, assignee, priority }) => (
          <li key={String(number)}>
            <a href={pathTo("issues", String(number))}>
              #{String(number)} {title}
            </a>{" "}
            <span class="dim">
              {IssueStatus[status].toLowerCase().replace("_", " ")}, {priority}
              {assignee !== "" && `, ${assignee}`}
            </span>
          </li>
        ))}
      </About>
      <About title="Sessions" state={sessions} none="No session is about it.">
        {sessions.value?.items.map(({ id, title, messages, lastActivityAt }) => (
          <li key={id}>
            <a href={pathTo("sessions", id)}>{title || id}</a>{" "}
            <span class="dim">
              {countText(messages)} messages, the last <Age ms={msOf(lastActivityAt)} /> ago
            </span>
          </li>
        ))}
      </About>
    </>
  );
}

/** Only where points come from, or go to, other nodes. */
function Deliveries({ sources }: { sources: readonly string[] }) {
  const delivery = usePolled((options) => deliveryOf(sources, options), {
    ...{ everyMs: READ_EVERY_MS, key: sources.join("\n") },
  });
  if ((delivery.value?.items.length ?? 0) === 0) return null;
  return (
    <About title="Delivery" state={delivery} none="">
      {delivery.value?.items.map(({ way, state, acked, queued, lost, refused }) => (
        <li key={way}>
          {way} <span class="dim">{state}</span>: {countText(acked)} acknowledged, {countText(queued)} wait
          {lost > 0 && <b class="devices-low">, ⚠ {countText(lost)} lost</b>}
          {refused > 0 && <b class="devices-low">, ⚠ {countText(refused)} refused</b>}
        </li>
      ))}
    </About>
  );
}

interface AboutProps<T> {
  readonly title: string;
  readonly state: Pick<Polled<Part<T>>, "value" | "failure">;
  /** Said where there is nothing. */
  readonly none: ComponentChildren;
  /** There is something besides what is read. */
  readonly isOther?: boolean;
  readonly children: ComponentChildren;
}

function About<T>({ title, state: { value, failure }, none, isOther = false, children }: AboutProps<T>) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {failure !== "" && <p role="alert">They cannot be read: {failure}</p>}
      {value?.items.length === 0 && !isOther && <p class="calm">{none}</p>}
      <ul class="rows">{children}</ul>
      {value?.hasMore && <p class="dim">There are earlier ones.</p>}
    </section>
  );
}
