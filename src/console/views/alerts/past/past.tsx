/** What fired in a time, over or not. */
import { useEffect, useState } from "preact/hooks";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AlertState, type Alert } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";
import { alertRow, SEVERITIES } from "../../../data/alert-row.ts";
import { localText, msOfLocalText } from "../../../data/local-time.ts";
import { poll } from "../../../data/poll.ts";
import { failureText } from "../../../errors.ts";
import { countOf, durationText, msOf } from "../../../format.ts";
import { serverNowMs } from "../../../now.ts";
import { Empty } from "../../../parts/empty.tsx";
import { Severity, severityMark } from "../../../parts/status.tsx";
import { Table, type Column } from "../../../parts/table.tsx";
import { Time } from "../../../parts/time.tsx";
import { unknownWords } from "../../../data/unknown-words.ts";
import { Mistakes } from "../../../parts/mistakes.tsx";
import { go, pathTo, route, setParams } from "../../../route.ts";

const DAY_MS = 86_400_000;
const RANGES: readonly (readonly [name: string, ms: number])[] = [
  ["1h", DAY_MS / 24],
  ["24h", DAY_MS],
  ["7d", 7 * DAY_MS],
  ["30d", 30 * DAY_MS],
];
const A_PAGE = 500;
const AGAIN_MS = 5_000;

const COLUMNS: readonly Column<Alert>[] = [
  {
    name: "severity",
    label: "Severity",
    cell: ({ severity, severityMax }) => <Severity severity={severityMax || severity} />,
    sortKey: ({ severity, severityMax }) => SEVERITIES.indexOf(severityMax || severity),
  },
  {
    name: "title",
    label: "Alert",
    cell: ({ id, title }) => (
      <a class="alerts-past-title" href={pathTo("alerts", id)}>
        {title}
      </a>
    ),
  },
  {
    name: "fired",
    label: "Fired",
    cell: ({ createdAt }) => <Time ms={msOf(createdAt)} />,
    sortKey: ({ createdAt }) => msOf(createdAt),
  },
  {
    name: "lasted",
    label: "Lasted",
    isNumber: true,
    cell: (alert) => lastedText(alert),
    sortKey: (alert) => lastedMs(alert),
  },
  {
    name: "device",
    label: "Device",
    isMinor: true,
    cell: ({ context }) =>
      context["device"] && <Name name={context["device"]} href={pathTo("devices", context["device"])} />,
    sortKey: ({ context }) => context["device"],
  },
  { name: "rule", label: "Rule", isMinor: true, cell: ({ rule }) => <Name name={rule} />, sortKey: ({ rule }) => rule },
  {
    name: "by",
    label: "Acknowledged by",
    isMinor: true,
    cell: ({ acknowledgedBy }) =>
      acknowledgedBy === "" ? <span class="dim">nobody</span> : <Name name={acknowledgedBy} />,
    sortKey: ({ acknowledgedBy }) => acknowledgedBy || undefined,
  },
  {
    name: "cleared",
    label: "Cleared",
    isMinor: true,
    cell: ({ state, clearedReason }) =>
      state === AlertState.ACTIVE ? "still fires" : clearedReason.replaceAll("_", " "),
  },
];

function Name({ name, href }: { name: string; href?: string }) {
  const props = { class: "ellipsis table-name alerts-past-name", title: name };
  return href === undefined ? <span {...props}>{name}</span> : <a {...{ ...props, href }}>{name}</a>;
}

export function PastAlerts() {
  const { params } = route.value;
  const text = (name: string) => params.get(name) ?? "";
  const [severity, rule, device] = [text("severity"), text("rule"), text("device")];
  const range = RANGES.find(([name]) => name === (text("range") || "24h"));
  const severities = severity.split(",").filter((each) => each !== "");
  const { alerts, failure, isReading, more } = usePast({
    severities: severities.filter((each) => SEVERITIES.includes(each)),
    rules: rule === "" ? [] : [rule],
    devices: device === "" ? [] : [device],
    lastMs: text("from") === "" ? (range ?? RANGES[1])[1] : undefined,
    fromMs: msOfIso(text("from")),
    toMs: msOfIso(text("to")),
  });
  return (
    <div class="alerts-past">
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <div class="segments" role="group" aria-label="Time">
          {RANGES.map(([name]) => (
            <button
              type="button"
              key={name}
              aria-pressed={text("from") === "" && name === (text("range") || "24h")}
              onClick={() => setParams({ range: name, from: "", to: "" })}
            >
              {name}
            </button>
          ))}
        </div>
        <Moment label="From" value={text("from")} onChange={(from) => setParams({ from, range: "" })} />
        <Moment
          label="to"
          value={text("to")}
          onChange={(to) =>
            setParams({ to, from: text("from") || new Date(serverNowMs() - DAY_MS).toISOString(), range: "" })
          }
        />
        <select
          aria-label="Severity"
          value={SEVERITIES.includes(severity) ? severity : ""}
          onChange={({ currentTarget }) => setParams({ severity: currentTarget.value })}
        >
          <option value="">all severities</option>
          {SEVERITIES.map((each) => (
            <option key={each} value={each}>
              {severityMark(each)} {each}
            </option>
          ))}
        </select>
        <Glob name="rule" label="Rule" value={rule} />
        <Glob name="device" label="Device" value={device} />
        <output class="push dim">
          {countOf(alerts.length, "alert")}
          {more !== undefined && " or more"}
        </output>
      </form>
      <Mistakes of={mistakesInPast(params)} />
      {failure !== "" && <p role="alert">The alerts could not be read: {failure}.</p>}
      {!isReading && failure === "" && alerts.length === 0 && (
        <Empty title="Nothing fired">
          Choose a longer time, or fewer filters. Alerts are kept as long as the journal.
        </Empty>
      )}
      {alerts.length > 0 && (
        <Table
          label="Alerts that fired"
          columns={COLUMNS}
          rows={alerts}
          rowKey={({ id }) => id}
          sort={text("sort")}
          onSort={(sort) => setParams({ sort })}
          onOpen={({ id }) => go(pathTo("alerts", id))}
        />
      )}
      {isReading && failure === "" && <p role="status">Reading…</p>}
      {more !== undefined && !isReading && (
        <button type="button" onClick={more}>
          Show older ones
        </button>
      )}
    </div>
  );
}

/** What of the address is not shown as it says, in sentences. */
function mistakesInPast(params: URLSearchParams): string[] {
  const ranges = RANGES.map(([name]) => name);
  const times = ["from", "to"].flatMap((name) => {
    const text = params.get(name) ?? "";
    const isTime = text === "" || msOfIso(text) !== undefined;
    return isTime ? [] : [`${name} is "${text.slice(0, 40)}"; wanted a time such as 2026-03-01T12:00:00Z`];
  });
  return [
    ...unknownWords("severity", params.get("severity"), SEVERITIES),
    ...unknownWords("range", params.get("range"), ranges),
    ...times,
  ];
}

/** `value`: in UTC, as the address has it, which people elsewhere read, too. */
function Moment({ label, value, onChange }: { label: string; value: string; onChange(value: string): void }) {
  const ms = msOfIso(value);
  return (
    <label>
      {label}{" "}
      <input
        type="datetime-local"
        step={1}
        value={ms === undefined ? "" : localText(ms)}
        onChange={({ currentTarget }) => {
          const chosen = msOfLocalText(currentTarget.value);
          onChange(chosen === undefined ? "" : new Date(chosen).toISOString());
        }}
      />
    </label>
  );
}

function msOfIso(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function Glob({ name, label, value }: { name: string; label: string; value: string }) {
  return (
    <label>
      {label}{" "}
      <input
        size={14}
        value={value}
        placeholder="name or press-*"
        onChange={({ currentTarget }) => setParams({ [name]: currentTarget.value.trim() })}
      />
    </label>
  );
}

interface Asked {
  readonly severities: string[];
  readonly rules: string[];
  readonly devices: string[];
  /** Missing: from and to say it. */
  readonly lastMs: number | undefined;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

function usePast(asked: Asked) {
  const key = JSON.stringify(asked);
  const [alerts, setAlerts] = useState<readonly Alert[]>([]);
  const [page, setPage] = useState("");
  const [next, setNext] = useState("");
  const [failure, setFailure] = useState("");
  const [isReading, setReading] = useState(true);
  useEffect(() => {
    setAlerts([]);
    setPage("");
  }, [key]);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const { severities, rules, devices, lastMs, fromMs = 0, toMs } = asked;
    const from = timestampFromMs(lastMs === undefined ? fromMs : serverNowMs() - lastMs);
    const request = {
      severities,
      rules,
      devices,
      from,
      limit: A_PAGE,
      page,
      ...(toMs !== undefined && { to: timestampFromMs(toMs) }),
    };
    setReading(true);
    setFailure("");
    poll({
      ask: () => alertsApi.listAlerts(request, { signal }),
      onAnswer: (answer) => {
        setAlerts((before) => (page === "" ? answer.alerts : [...before, ...answer.alerts]));
        setNext(answer.nextPage);
        setFailure("");
        setReading(false);
      },
      onFailure: (error) => setFailure(failureText(error)),
      ...{ everyMs: AGAIN_MS, isOnce: true, signal, page: document },
    });
    return () => controller.abort();
  }, [key, page]);
  return { alerts, failure, isReading, more: next === "" ? undefined : () => setPage(next) };
}

function lastedMs(alert: Alert): number {
  const { firedMs } = alertRow(alert, false);
  return (msOf(alert.clearedAt) ?? serverNowMs()) - firedMs;
}

function lastedText(alert: Alert): string {
  return durationText(lastedMs(alert));
}
