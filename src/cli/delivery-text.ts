/** What is forwarded and what came from others, as text and as JSON. */
import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import pc from "picocolors";
import { formatByteSize } from "../model/byte-size.ts";
import { formatDurationMs, formatRoughDurationMs } from "../model/duration.ts";
import type {
  GetDeliveryResponse,
  OriginDelivery,
  SourceDelivery,
  UpstreamDelivery,
  UpstreamSettings,
} from "../wire/gen/forwarding_pb.ts";
import { counted } from "./counted.ts";
import { textTable, type Column } from "./text-table.ts";
import { printable } from "./watch-table.ts";

/** A paragraph and a table for each upstream and each node that forwards to this one. */
export function deliveryText(delivery: GetDeliveryResponse, nowMs: number): string {
  // Whoever sees some of the sources alone is told no rates.
  const isPart = delivery.nodeId === "";
  const parts = [
    ...delivery.upstreams.map((upstream) => upstreamText(upstream, isPart, nowMs)),
    ...delivery.origins.map((origin) => originText(origin, nowMs)),
  ];
  return parts.length > 0
    ? parts.join("\n")
    : isPart
      ? "nothing in your scope is forwarded\n"
      : "this node forwards nothing (upstream.address), and no node forwards to it\n";
}

function upstreamText(upstream: UpstreamDelivery, isPart: boolean, nowMs: number): string {
  const { address, stateSince, lastError, nextAttemptAt, queuedPoints, oldestQueuedTime, settings } = upstream;
  const inMs = nextAttemptAt === undefined ? 0 : timestampDate(nextAttemptAt).getTime() - nowMs;
  const next =
    nextAttemptAt === undefined
      ? ""
      : `, next attempt in ${formatDurationMs(Math.max(0, Math.ceil(inMs / 1_000)) * 1_000)}`;
  const rate = isPart
    ? ""
    : `; ${count(Math.round(upstream.pointsPerSecond))} points/s, ${formatByteSize(Math.round(upstream.bytesPerSecond))}/s over the last minute`;
  const oldest = oldestQueuedTime === undefined || queuedPoints === 0n ? "" : `, back to ${timeOf(oldestQueuedTime)}`;
  const events = upstream.queuedEvents === 0n ? "" : `, ${counted(upstream.queuedEvents, "event")}`;
  const wait = queuedPoints === 1n ? "waits" : "wait";
  const as = settings === undefined ? "" : ` as ${printable(settings.name)}`;
  const { word, paint, advice } = standingOf(upstream);
  const lines = [
    `${pc.bold("to")} ${printable(address)}${as}  ${paint(word)} for ${ageOf(stateSince, nowMs)}${next}`,
    ...(lastError === "" ? [] : [printable(lastError), advice]),
    ...(settings === undefined ? [] : settingsLines(settings)),
    `${counted(queuedPoints, "point")} ${wait}${oldest}${events}${rate}`,
    ...eventLines(upstream),
  ];
  const columns = [...COLUMNS.slice(0, 2), QUEUED, ...COLUMNS.slice(2)];
  return `${lines.join("\n   ")}\n${sourcesText(upstream.sources, columns)}`;
}

const TOKEN_ADVICE =
  "waiting changes nothing: see upstream.token_file and cert_file, which are read again at each attempt; nothing is lost meanwhile";
const REFUSED_ADVICE: Readonly<Record<string, string>> = {
  FAILED_PRECONDITION: "waiting changes nothing: either what it says is to be done, or another upstream.address set",
  UNIMPLEMENTED:
    "waiting changes nothing: is upstream.address the gRPC address of a Watchpost that takes what others forward?",
  UNAUTHENTICATED: TOKEN_ADVICE,
  PERMISSION_DENIED: TOKEN_ADVICE,
};
/** A server that is away, or a cut connection. */
const AWAY: ReadonlySet<string> = new Set([
  ...["", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED", "INTERNAL", "UNKNOWN"],
]);

/** "waiting" says neither whether nobody answers nor whether this node is not wanted. */
function standingOf({ state, lastError, lastErrorStatus }: UpstreamDelivery) {
  if (lastError === "") return { word: state, paint: state === "connected" ? pc.green : pc.yellow, advice: "" };
  if (AWAY.has(lastErrorStatus)) {
    const advice =
      "nothing is lost while it cannot be reached, within upstream.queue_bytes_max, queue_age_max and retention";
    return { word: "unreachable", paint: pc.yellow, advice };
  }
  if (lastErrorStatus === "RESOURCE_EXHAUSTED") {
    return { word: "held back", paint: pc.yellow, advice: "it goes on by itself once there is room at the upstream" };
  }
  return {
    ...{ word: "refused", paint: pc.red },
    advice: REFUSED_ADVICE[lastErrorStatus] ?? "it is tried on; what it wants stands above",
  };
}

/** What does not go upstream as it is, and bounds. Nothing where everything does. */
function settingsLines(settings: UpstreamSettings): string[] {
  const { metrics, sources, tags, stepMs, function: func, events } = settings;
  const { bandwidthBytesPerSecond: bandwidth, queueBytesMax, queueAgeMaxMs } = settings;
  const filters = [
    ...(metrics === "*" ? [] : [`metrics ${metrics}`]),
    ...(sources === "*" ? [] : [`sources ${sources}`]),
    ...(tags === "" ? [] : [`tags ${tags}`]),
  ];
  const bounds = [
    ...(bandwidth === 0n ? [] : [`${formatByteSize(Number(bandwidth))}/s`]),
    ...(queueBytesMax === 0n ? [] : [`a queue of ${formatByteSize(Number(queueBytesMax))}`]),
    ...(queueAgeMaxMs === 0n ? [] : [`${formatDurationMs(Number(queueAgeMaxMs))} in the queue`]),
  ];
  return [
    ...(filters.length === 0 ? [] : [`only ${printable(filters.join(", "))}`]),
    ...(stepMs === 0n ? [] : [`down-sampled: ${func} of every ${formatDurationMs(Number(stepMs))}`]),
    ...(bounds.length === 0 ? [] : [`at most ${bounds.join(", ")}`]),
    ...(events ? [] : ["without alerts and devices (upstream.events)"]),
  ];
}

function eventLines(upstream: UpstreamDelivery): string[] {
  const { refusedEvents, lastRefusedEvent, lateEvents, lateEventsBecause } = upstream;
  const late = lateEvents === 1n ? "event is" : "events are";
  const many = refusedEvents === 1n ? "event was" : "events were";
  const last = printable(lastRefusedEvent);
  return [
    ...(lateEvents === 0n
      ? []
      : [pc.yellow(`${count(lateEvents)} ${late} tried again: ${printable(lateEventsBecause)}`)]),
    ...(refusedEvents === 0n
      ? []
      : [pc.yellow(`${count(refusedEvents)} ${many} refused since the start; the last: ${last}`)]),
  ];
}

function originText(origin: OriginDelivery, nowMs: number): string {
  const { originName, originId, lanes, lastSeen, sources, owner, ownerVia } = origin;
  const by = owner === "" ? "" : `  by ${printable(owner)} (${printable(ownerVia)})`;
  const state = lanes.length > 0 ? pc.green("connected") : pc.yellow(`last seen ${ageOf(lastSeen, nowMs)} ago`);
  return `${pc.bold("from")} ${printable(originName)}  ${state}${by}  ${pc.dim(printable(originId))}\n${sourcesText(sources, COLUMNS)}`;
}

const COLUMNS: readonly Column<SourceDelivery>[] = [
  { title: "SOURCE", cell: ({ source }) => printable(source) },
  { title: "ACKED", right: true, cell: ({ ackedPoints }) => count(ackedPoints) },
  { title: "DROPPED", right: true, cell: ({ droppedPoints }) => count(droppedPoints) },
  { title: "REFUSED", right: true, cell: ({ refusedPoints }) => count(refusedPoints) },
  { title: "FROM", cell: ({ firstTime }) => timeOf(firstTime) },
  { title: "TO", cell: ({ lastTime }) => timeOf(lastTime) },
];
/** Where something was, and it is known. */
const DROPPED_TIMES: readonly Column<SourceDelivery>[] = [
  { title: "DROPPED FROM", cell: ({ firstDroppedTime }) => timeOf(firstDroppedTime) },
  { title: "DROPPED TO", cell: ({ lastDroppedTime }) => timeOf(lastDroppedTime) },
];
const QUEUED: Column<SourceDelivery> = {
  title: "QUEUED",
  right: true,
  cell: ({ queuedPoints }) => count(queuedPoints),
};

function sourcesText(sources: readonly SourceDelivery[], columns: readonly Column<SourceDelivery>[]): string {
  const hasTimes = sources.some(({ firstDroppedTime }) => firstDroppedTime !== undefined);
  return textTable(hasTimes ? [...columns, ...DROPPED_TIMES] : columns, sources)
    .split("\n")
    .map((line) => (line === "" ? "" : `   ${line}`))
    .join("\n");
}

/** For scripts: numbers, ISO times, null where there is none. */
export function deliveryJson({ nodeId, upstreams, origins }: GetDeliveryResponse): string {
  const plain = {
    nodeId,
    upstreams: upstreams.map((upstream) => ({
      name: upstream.name,
      address: upstream.address,
      nodeId: upstream.nodeId || null,
      state: upstream.state,
      stateSince: isoOf(upstream.stateSince),
      lastError: upstream.lastError || null,
      lastErrorStatus: upstream.lastErrorStatus || null,
      nextAttemptAt: isoOf(upstream.nextAttemptAt),
      queuedPoints: Number(upstream.queuedPoints),
      queuedEvents: Number(upstream.queuedEvents),
      lateEvents: Number(upstream.lateEvents),
      lateEventsBecause: upstream.lateEventsBecause || null,
      refusedEvents: Number(upstream.refusedEvents),
      lastRefusedEvent: upstream.lastRefusedEvent || null,
      settings: upstream.settings === undefined ? null : settingsJson(upstream.settings),
      oldestQueuedTime: isoOf(upstream.oldestQueuedTime),
      pointsPerSecond: upstream.pointsPerSecond,
      bytesPerSecond: upstream.bytesPerSecond,
      sources: upstream.sources.map((source) => ({ ...sourceOf(source), queuedPoints: Number(source.queuedPoints) })),
    })),
    origins: origins.map((origin) => ({
      nodeId: origin.originId,
      name: origin.originName,
      owner: origin.owner === "" ? null : { name: origin.owner, via: origin.ownerVia },
      lanes: origin.lanes,
      lastSeen: isoOf(origin.lastSeen),
      sources: origin.sources.map(sourceOf),
    })),
  };
  return `${JSON.stringify(plain, null, 2)}\n`;
}

/** Null: no bound. */
function settingsJson(settings: UpstreamSettings) {
  const { name, metrics, sources, tags, stepMs, function: func, gzip, tls, events } = settings;
  return {
    ...{ name, metrics, sources, tags: tags || null, gzip, tls, events },
    ...{ stepMs: Number(stepMs) || null, function: func || null },
    bandwidthBytesPerSecond: Number(settings.bandwidthBytesPerSecond) || null,
    queueBytesMax: Number(settings.queueBytesMax) || null,
    queueAgeMaxMs: Number(settings.queueAgeMaxMs) || null,
  };
}

function sourceOf(delivery: SourceDelivery) {
  return {
    source: delivery.source,
    ackedPoints: Number(delivery.ackedPoints),
    droppedPoints: Number(delivery.droppedPoints),
    refusedPoints: Number(delivery.refusedPoints),
    firstTime: isoOf(delivery.firstTime),
    lastTime: isoOf(delivery.lastTime),
    lastAckedAt: isoOf(delivery.lastAckedAt),
    firstDroppedTime: isoOf(delivery.firstDroppedTime),
    lastDroppedTime: isoOf(delivery.lastDroppedTime),
  };
}

function isoOf(time: Timestamp | undefined): string | null {
  return time === undefined ? null : timestampDate(time).toISOString();
}

function timeOf(time: Timestamp | undefined): string {
  return isoOf(time)?.replace(/\.\d+Z$/, "Z") ?? "-";
}

function ageOf(time: Timestamp | undefined, nowMs: number): string {
  const seconds = time === undefined ? 0 : Math.max(0, Math.floor((nowMs - timestampDate(time).getTime()) / 1_000));
  return formatRoughDurationMs(seconds * 1_000);
}

function count(number: number | bigint): string {
  return number.toLocaleString("en-US");
}
