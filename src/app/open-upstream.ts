/** Forwarding to another node, where one is set, and what is told of it and of nodes that forward to this one. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Config } from "../config/config.ts";
import { deliveryMethods } from "../edge/upstream/delivery-methods.ts";
import type { UpstreamAccess } from "../edge/upstream/grpc-lane.ts";
import type { Upstream } from "../edge/upstream/upstream.ts";
import type { UpstreamOptions } from "../edge/upstream/upstream-options.ts";
import type { ForwardingDeps } from "../ingestion/forwarding/forwarded-stream.ts";
import {
  forgetOriginMethod,
  handOverOriginMethod,
  originDeliveries,
} from "../ingestion/forwarding/origin-deliveries.ts";
import type { Journal } from "../log/journal.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { tokenIn, withoutTokens } from "../model/token-text.ts";
import { channelCredentials } from "../wire/channel-credentials.ts";
import { commandsOf } from "../wire/call-method.ts";
import { Alerts, type ListAlertsRequestSchema } from "../wire/gen/alerts_pb.ts";
import { Devices, type ListDevicesRequestSchema } from "../wire/gen/devices_pb.ts";
import type { UpstreamSettingsSchema } from "../wire/gen/forwarding_pb.ts";
import { THE_SERVER, type CallContext, type MethodImpl } from "../wire/service.ts";
import { wholeSources } from "./whole-sources.ts";
import { DropAlarm } from "./drop-alarm.ts";
import type { Storage } from "./open-storage.ts";
import { seriesMatcherOf } from "./series-matcher.ts";

export interface OpenUpstreamDeps {
  readonly forwarding: ForwardingDeps;
  readonly scopes: SeriesScopes;
  /** Of alerts and devices, among others. */
  readonly deskMethods: readonly MethodImpl[];
  /** There are other nodes, and one of them tells events. */
  readonly isShared: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface OpenUpstream {
  readonly methods: readonly MethodImpl[];
  /** What nodes share is told the upstream by the one that is the desk: from now on with these, until the stack is disposed of. */
  readonly tellEvents: TellEvents;
}

/** `deskMethods`: of alerts and devices, among others. */
type TellEvents = (
  journal: Journal,
  deskMethods: readonly MethodImpl[],
  opening: AsyncDisposableStack,
) => Promise<void>;

const MEASURE_EVERY_MS = 10_000;

/** `opening` closes what was opened. */
export async function openUpstream(
  config: Config,
  storage: Storage,
  deps: OpenUpstreamDeps,
  opening: AsyncDisposableStack,
): Promise<OpenUpstream> {
  const { origins, nodeId } = deps.forwarding;
  const { address } = config.upstream;
  const forwarding = address === undefined ? undefined : await forwardTo(address, config, storage, deps, opening);
  const upstream = forwarding?.upstream;
  const settings = settingsOf(config);
  const methods = deliveryMethods({
    ...{ upstream, settings, nodeId },
    origins: () => originDeliveries(origins),
    wholeSources: (scope) => wholeSources(scope, storage.registry, deps.scopes),
  });
  return {
    methods: [...methods, forgetOriginMethod(origins), handOverOriginMethod(origins)],
    tellEvents: async (...desk) => forwarding?.tellEvents(...desk),
  };
}

async function forwardTo(
  address: string,
  config: Config,
  { bus, journal, registry, store, nextSeq, undeliveredDrops }: Storage,
  { forwarding, deskMethods, isShared, logger, clock, metrics }: OpenUpstreamDeps,
  opening: AsyncDisposableStack,
): Promise<{ readonly upstream: Upstream; readonly tellEvents: TellEvents }> {
  const [{ Upstream }, { EventsCursor }, { grpcCalls, grpcLanes }] = await Promise.all([
    import("../edge/upstream/upstream.ts"),
    import("../edge/upstream/events-cursor.ts"),
    import("../edge/upstream/grpc-lane.ts"),
  ]);
  // All that this node has travels, whoever may see how much of it here; how much of it is taken the upstream says.
  const within: CallContext = {
    ...{ signal: new AbortController().signal, principal: THE_SERVER, headers: new Map(), peer: "" },
  };
  const commands = commandsOf(deskMethods);
  const listsOf = (methods: readonly MethodImpl[]) => {
    const asked = commandsOf(methods);
    return {
      alerts: (request: MessageInitShape<typeof ListAlertsRequestSchema>) =>
        asked(Alerts.method.listAlerts, request, within),
      devices: (request: MessageInitShape<typeof ListDevicesRequestSchema>) =>
        asked(Devices.method.listDevices, request, within),
    };
  };
  const alarm = new DropAlarm({
    ...{ upstream: address, commands, context: within },
    onFailure: (error) =>
      logger.error({ err: error }, `the alert about lost points cannot be raised: ${messageOf(error)}`),
  });
  // Read at each connection, so that what was renewed is used. What cannot be used at all is said at the start.
  const access = () => accessOf(address, config);
  refuseUnusable(access());
  const calls = config.upstream.events ? grpcCalls(access) : undefined;
  opening.defer(() => calls?.close());
  const onTrouble = (sentence: string) => logger.warn({ upstream: address }, sentence);
  const upstream = await Upstream.open(optionsOf(address, config), {
    ...{ bus, clock, journal, registry, store },
    openLane: grpcLanes(access),
    events: calls && { own: isShared ? undefined : { journal, lists: listsOf(deskMethods) }, call: calls.call },
    nextSeq,
    random: Math.random,
    nodeId: forwarding.nodeId,
    newId: () => crypto.randomUUID(),
    behind: () => forwarding.origins.behind(),
    onConnected: (sentence) => logger.info({ upstream: address }, sentence),
    onTrouble,
    onDropped: (sentence, points) => {
      logger.error({ upstream: address, points }, sentence);
      alarm.add(points, sentence);
    },
    onCount: ({ delivered, refused, dropped, bytes, connects }) => {
      if (delivered !== undefined) metrics.upstreamPoints.inc({ result: "acked" }, delivered);
      if (refused !== undefined) metrics.upstreamPoints.inc({ result: "refused" }, refused);
      if (dropped !== undefined) metrics.upstreamPoints.inc({ result: "dropped" }, dropped);
      for (const [lane, count] of Object.entries(bytes ?? {})) metrics.upstreamBytes.inc({ lane }, count);
      if (connects !== undefined) metrics.upstreamConnects.inc({ upstream: address }, connects);
    },
  });
  opening.defer(() => upstream.close());
  undeliveredDrops.countWith((drop) => upstream.lost(drop));
  const measure = async () => {
    metrics.upstreamConnected.set({ upstream: address }, upstream.isConnected ? 1 : 0);
    for (const state of ["queued", "late", "refused"] as const) {
      if (calls !== undefined) metrics.upstreamEvents.set({ state }, upstream.events?.[state] ?? 0);
    }
    const { queuedPoints, held } = await upstream.status();
    metrics.upstreamQueuedPoints.set({ upstream: address }, queuedPoints);
    const lagMs = queuedPoints === 0 ? 0 : clock.nowMs() - held.fromUs / 1_000;
    metrics.upstreamLagSeconds.set({ upstream: address }, Math.max(0, lagMs) / 1_000);
  };
  let cancel = () => {};
  const measureSoon = () => {
    cancel = clock.after(
      MEASURE_EVERY_MS,
      () =>
        void measure()
          .catch(() => {})
          .finally(measureSoon),
    );
  };
  measureSoon();
  opening.defer(() => cancel());
  const tellEvents: TellEvents = async (shared, methods, desk) => {
    if (calls === undefined) return;
    const { name } = upstream.options;
    const cursor = await EventsCursor.read({ journal: shared, clock, address, name, onTrouble });
    desk.defer(() => cursor.close());
    let [isOver, end] = [false, () => {}];
    desk.defer(() => {
      isOver = true;
      end();
    });
    void cursor.claimed.then(() => {
      if (!isOver) end = upstream.tellEvents({ journal: shared, lists: listsOf(methods) }, cursor);
    });
  };
  return { upstream, tellEvents };
}

function optionsOf(address: string, { upstream }: Config): UpstreamOptions {
  return {
    address,
    name: nameOf(upstream),
    bytesPerS: upstream.bandwidth,
    matcher: seriesMatcherOf(upstream, "upstream.metrics"),
    queueBytesMax: upstream.queue_bytes_max,
    queueAgeMaxMs: upstream.queue_age_max,
    downSampling: upstream.step === undefined ? undefined : { stepMs: upstream.step, func: upstream.function },
    backoff: { firstMs: upstream.backoff_min, maxMs: upstream.backoff_max },
  };
}

/** As they are told to whoever asks. */
function settingsOf({ upstream }: Config): MessageInitShape<typeof UpstreamSettingsSchema> {
  const { metrics, sources, tags = "", step = 0, gzip, tls, events } = upstream;
  return {
    ...{ name: nameOf(upstream), metrics, sources, tags, gzip, tls, events },
    ...{ stepMs: BigInt(step), function: step === 0 ? "" : upstream.function },
    bandwidthBytesPerSecond: boundOf(upstream.bandwidth),
    queueBytesMax: boundOf(upstream.queue_bytes_max),
    queueAgeMaxMs: boundOf(upstream.queue_age_max),
  };
}

function nameOf({ name }: Config["upstream"]): string {
  return name === "auto" ? hostname() : name;
}

/** 0: none. */
function boundOf(most: number): bigint {
  return most === Infinity ? 0n : BigInt(Math.floor(most));
}

function accessOf(address: string, { upstream }: Config): UpstreamAccess {
  const { tls, ca_file, cert_file, key_file, token_file, gzip } = upstream;
  const [ca, cert, key] = [fileOf("ca_file", ca_file), fileOf("cert_file", cert_file), fileOf("key_file", key_file)];
  const kept = fileOf("token_file", token_file)?.toString("utf8");
  const token = kept === undefined ? "" : tokenOf(kept, `upstream.token_file: ${token_file}`);
  return { address, tls: tls ? { ca, key, cert } : undefined, token, gzip };
}

/** INVALID_ARGUMENT would be the upstream's word for a part that it does not take. */
function tokenOf(text: string, from: string): string {
  try {
    return tokenIn(text, from);
  } catch (error) {
    throw new WatchpostError("FAILED_PRECONDITION", messageOf(error), { cause: error });
  }
}

function refuseUnusable({ tls }: UpstreamAccess): void {
  try {
    channelCredentials(tls);
  } catch (error) {
    const message = `upstream.ca_file, upstream.cert_file, upstream.key_file: ${messageOf(error)}`;
    throw new WatchpostError("FAILED_PRECONDITION", message, { cause: error });
  }
}

function fileOf(setting: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new WatchpostError(
      "FAILED_PRECONDITION",
      `upstream.${setting} cannot be read: ${withoutTokens(messageOf(error))}`,
    );
  }
}
