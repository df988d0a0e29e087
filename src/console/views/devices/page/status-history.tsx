import { useMemo } from "preact/hooks";
import type { Device, DeviceEvent } from "../../../../wire/gen/devices_pb.ts";
import { EVENTS_MAX } from "../../../data/device-detail.ts";
import { sharesOf, statusTimeline, type StatusSpan } from "../../../data/status-timeline.ts";
import { countOf, durationText, msOf, timeText } from "../../../format.ts";
import { nowMs } from "../../../now.ts";
import { statusText } from "../../../parts/status.tsx";
import { Time } from "../../../parts/time.tsx";
import { route, setParams } from "../../../route.ts";

const HOUR_MS = 3_600_000;
const RANGES: readonly (readonly [name: string, label: string, words: string, hours: number])[] = [
  ["1h", "1 h", "hour", 1],
  ["24h", "24 h", "24 hours", 24],
  ["7d", "7 d", "7 days", 168],
];
const RANGE_DEFAULT = RANGES[1];
const LISTED = 50;
/** Times on it need not be more exact. */
const TICK_MS = 15_000;
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

interface StatusHistoryProps {
  readonly device: Device;
  readonly events: readonly DeviceEvent[];
  readonly isRead: boolean;
}

/** When it was up, silent, flapping: a strip, and in words. */
export function StatusHistory({ device, events, isRead }: StatusHistoryProps) {
  const wanted = route.value.params.get("history");
  const [name, , words, hours] = RANGES.find(([each]) => each === wanted) ?? RANGE_DEFAULT;
  const toMs = Math.ceil(nowMs.value / TICK_MS) * TICK_MS;
  const range = { fromMs: toMs - hours * HOUR_MS, toMs };
  const { spans, changes } = useMemo(
    () => statusTimeline(device, events, events.length < EVENTS_MAX, range),
    [device, events, toMs, hours],
  );
  const shares = sharesOf(spans).map(([status, share]) => `${statusText(status)} ${percent.format(share)}`);
  return (
    <section class="card device-history" aria-label="Status over time">
      <div class="toolbar">
        <h2>Status</h2>
        <span class="dim">
          {isRead ? [...shares, countOf(changes, "change")].join(" · ") : "Reading what happened …"}
        </span>
        <div class="segments push" role="group" aria-label="Range">
          {RANGES.map(([each, label]) => (
            <button
              type="button"
              key={each}
              aria-pressed={each === name}
              onClick={() => setParams({ history: each === RANGE_DEFAULT[0] ? "" : each })}
            >
              {label}
            </button>
          ))}
        </div>
      </div>
      <div class="device-strip" role="img" aria-label={`Of the last ${words}: ${shares.join(", ")}`}>
        {spans.map((span) => (
          <span
            key={span.fromMs}
            data-status={span.status}
            data-flapping={span.isFlapping}
            style={{ flexGrow: Math.max(1, (span.toMs - span.fromMs) / 1_000) }}
            title={spanText(span)}
          />
        ))}
      </div>
      <div class="device-strip-ends dim">
        <Time ms={range.fromMs} />
        <span>now</span>
      </div>
      <details>
        <summary>What happened</summary>
        <ul class="rows">
          {events.slice(0, LISTED).map((event) => (
            <li key={event.cursor}>
              <Time ms={msOf(event.time)} /> {eventText(event)}
            </li>
          ))}
        </ul>
        {events.length > LISTED && <p class="dim">{countOf(events.length - LISTED, "earlier event")} not shown</p>}
      </details>
    </section>
  );
}

function spanText({ status, reason, fromMs, toMs, isFlapping }: StatusSpan): string {
  const flapping = isFlapping ? ", flapping" : "";
  const why = reason === "" ? "" : `: ${reason}`;
  const times = `${timeText(fromMs, toMs)} to ${timeText(toMs, toMs)}`;
  return `${statusText(status)}${flapping} for ${durationText(toMs - fromMs)}, ${times}${why}`;
}

function eventText({ kind, device, previousStatus, changed, actor, omitted }: DeviceEvent): string {
  const by = actor === "" || actor === "system" ? "" : ` by ${actor}`;
  if (kind !== "status") return `${kind}${changed.length > 0 ? `: ${changed.join(", ")}` : ""}${by}`;
  const { status = "", statusReason = "" } = device ?? {};
  const left = omitted > 0n ? ` (${countOf(Number(omitted), "change")} before it left out: it flaps)` : "";
  return `${statusText(status)}, was ${statusText(previousStatus)}${statusReason === "" ? "" : `: ${statusReason}`}${left}`;
}
