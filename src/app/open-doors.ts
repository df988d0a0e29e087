/** The doors of other protocols. */
import { influxRoutes } from "../ingestion/doors/influx.ts";
import { otlpMethods, otlpRoutes } from "../ingestion/doors/otlp.ts";
import { remoteWriteRoutes } from "../ingestion/doors/remote-write.ts";
import { Slices } from "../ingestion/doors/slices.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { HttpRoute } from "../wire/http-route.ts";
import type { MethodImpl } from "../wire/service.ts";
import type { OpenIntake } from "./open-intake.ts";
import type { Storage } from "./open-storage.ts";

/** Between two samples of what was wrong that go into the log, of one door. */
const SAMPLE_EVERY_MS = 10_000;

export function openDoors(
  { registry, budget }: Storage,
  { intake, senderOf }: OpenIntake,
  { clock, logger, metrics }: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
): { readonly routes: readonly HttpRoute[]; readonly methods: readonly MethodImpl[] } {
  const saidAtMs = new Map<string, number>();
  const onMalformed = (door: string, sentence: string) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (saidAtMs.get(door) ?? -Infinity) < SAMPLE_EVERY_MS) return;
    saidAtMs.set(door, nowMs);
    logger.warn({ door, sample: sentence }, "some of what came by another protocol is not stored");
  };
  const leftOut = new Set<string>();
  const onLeftOut = (door: string, what: string) => {
    const kind = `${door} ${what}`;
    if (leftOut.has(kind)) return;
    leftOut.add(kind);
    const sentence = "some of what senders send is no number to be stored: it is counted from now on, and said once";
    logger.info({ door, what, metric: "watchpost_door_left_out_total" }, sentence);
  };
  const cacheSeed = crypto.getRandomValues(new Uint32Array(1))[0];
  const deps = {
    cacheSeed,
    intake,
    budget,
    metrics,
    senderOf,
    slices: new Slices(() => clock.monotonicMs()),
    isKnownSeries: (id: number) => registry.has(id),
    onMalformed,
    onLeftOut,
  };
  return {
    routes: [...influxRoutes(deps), ...remoteWriteRoutes(deps), ...otlpRoutes(deps)],
    methods: otlpMethods(deps),
  };
}
