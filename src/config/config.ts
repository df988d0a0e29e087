/** The one typed configuration object. Keys of the file and of the environment are those of {@link settingsSchema}. */
import { z } from "zod";
import { formatByteSize } from "../model/byte-size.ts";
import { parseDurationMs } from "../model/duration.ts";
import { parseOrigins } from "../model/origins.ts";
import { AUTH_DEFAULTS, authSettings } from "./auth-settings.ts";
import {
  address,
  bytes,
  bytesOr,
  choice,
  durationMs,
  durationMsOr,
  flag,
  integer,
  parsed,
  path,
  text,
} from "./leaves.ts";
import { LIMIT_DEFAULTS, limitSettings } from "./limit-settings.ts";
import { mqttSettings } from "./mqtt-settings.ts";
import { REDIS_DEFAULTS, redisSettings } from "./redis-settings.ts";
import { REMOTE_WRITE_DEFAULTS, remoteWriteSettings } from "./remote-write-settings.ts";
import { TLS_DEFAULTS, tlsSettings } from "./tls-settings.ts";
import { TRACE_DEFAULTS, traceSettings } from "./trace-settings.ts";
import { UPSTREAM_DEFAULTS, upstreamSettings } from "./upstream-settings.ts";

const MIB = 1024 * 1024;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const PERIOD_FILE_BYTES_MIN = 16 * MIB;
const PERIOD_FILE_BYTES_DEFAULT = 1024 * MIB;
/** A period file of this part of the disk budget: what goes at once when the budget is used up. */
const BUDGET_FILES = 32;

/** Milliseconds; Infinity where it is kept. Or one of `words`, as it is. */
function ageLimitMs<const W extends string = never>(...words: W[]) {
  const wanted = [...words, "keep"].map((word) => `"${word}"`).join(", ");
  return parsed(`${wanted} or a duration such as "30d", from 1h to 36500d`, (given): number | W | undefined => {
    if (given === "keep") return Infinity;
    const word = words.find((each) => each === given);
    if (word !== undefined) return word;
    const value = typeof given === "string" ? parseDurationMs(given) : undefined;
    return value !== undefined && value >= HOUR && value <= 36_500 * 24 * HOUR ? value : undefined;
  });
}

function origins() {
  return parsed('"none", or origins of web pages such as "https://ops.example.org", "localhost" or "*"', (given) =>
    typeof given === "string" ? parseOrigins(given) : undefined,
  );
}

/** Lower-case names. */
function hosts() {
  return parsed('"none", or names of this server such as "watchpost.example.org gateway-7.local"', (given) => {
    if (typeof given !== "string") return undefined;
    const names =
      given === "none"
        ? []
        : given
            .toLowerCase()
            .split(/[\s,]+/)
            .filter((name) => name !== "");
    return names.every((name) => /^[a-z0-9._-]+$|^\[[0-9a-f:]+\]$/.test(name)) ? names : undefined;
  });
}

export const settingsSchema = z.strictObject({
  data: text("a directory"),
  grpc: address(),
  http: address(),
  http_hosts: hosts(),
  insecure: flag(),
  shutdown_grace: durationMs(0, 5 * MINUTE),
  auth: authSettings,
  connections: z.strictObject({
    age_max: durationMsOr({ none: Infinity }, SECOND, 30 * 24 * HOUR),
  }),
  limits: limitSettings,
  log: z.strictObject({
    format: choice("auto", "pretty", "json"),
    level: choice("debug", "info", "warn", "error"),
  }),
  slow: z.strictObject({
    call: durationMs(1, HOUR),
    reader: durationMs(100, HOUR),
  }),
  memory: z.strictObject({
    budget: bytes(32 * MIB, 1024 * 1024 * MIB),
    wait_max: durationMs(0, MINUTE),
  }),
  ingest: z.strictObject({
    future_max: durationMs(0, 366 * 24 * HOUR),
    series_max: integer(1, 100_000_000),
    series_per_source_max: integer(1, 100_000_000),
    streams_max: integer(1, 100_000),
  }),
  store: z.strictObject({
    profile: choice("default", "flash"),
    head_points_max: integer(10_000, 50_000_000),
    seal_age: durationMs(SECOND, 24 * HOUR),
    sync_interval: durationMs(0, MINUTE),
    merge_runs_min: integer(2, 64),
    segment_bytes_max: bytes(MIB, 4096 * MIB),
    period_file_bytes_max: bytes(PERIOD_FILE_BYTES_MIN, 1024 * 1024 * MIB),
  }),
  retention: z.strictObject({
    raw: ageLimitMs(),
    rollup_1m: ageLimitMs("auto"),
    rollup_1h: ageLimitMs(),
    journal: ageLimitMs(),
    sessions: ageLimitMs(),
    disk_budget: bytesOr({ none: Infinity }, 64 * MIB, Infinity),
    free_floor: bytesOr({ auto: "auto", none: 0 }, 0, Infinity),
  }),
  query: z.strictObject({
    timeout: durationMs(100, 24 * HOUR),
  }),
  live: z.strictObject({
    interval_min: durationMs(10, HOUR),
    interval_max: durationMs(10, 24 * HOUR),
    on_change_hold: durationMs(1, MINUTE),
    stale_after: durationMs(SECOND, 30 * 24 * HOUR),
    subscriptions_max: integer(1, 1_000_000),
    series_max: integer(1, 1_000_000_000),
    origins: origins(),
  }),
  alerts: z.strictObject({
    rules_file: path(),
  }),
  devices: z.strictObject({
    max: integer(1, 10_000_000),
  }),
  dashboards: z.strictObject({
    max: integer(1, 100_000),
    bytes_max: bytes(MIB, 1024 * MIB),
  }),
  sessions: z.strictObject({
    streams_max: integer(1, 1_000_000),
    messages_per_second: integer(1, 100_000),
  }),
  mqtt: mqttSettings().prefault({}),
  upstream: upstreamSettings,
  remote_write: remoteWriteSettings,
  redis: redisSettings,
  tls: tlsSettings,
  traces: traceSettings,
});

/** Typed settings, durations in ms and sizes in bytes. */
export type Config = z.output<typeof settingsSchema>;

/** What stands where nobody says otherwise, as it would be written in a file. */
export function defaultSettings(machineMemoryBytes: number) {
  const budget = Math.min(Math.max(machineMemoryBytes / 4, 128 * MIB), 1024 * MIB);
  return {
    data: "./watchpost-data",
    grpc: "127.0.0.1:50051",
    http: "127.0.0.1:8080",
    http_hosts: "none",
    insecure: false,
    shutdown_grace: "10s",
    auth: AUTH_DEFAULTS,
    connections: { age_max: "none" },
    limits: LIMIT_DEFAULTS,
    log: { format: "auto", level: "info" },
    slow: { call: "1s", reader: "5s" },
    memory: { budget: formatByteSize(Math.floor(budget / MIB) * MIB), wait_max: "5s" },
    ingest: { future_max: "10m", series_max: 1_000_000, series_per_source_max: 250_000, streams_max: 1_000 },
    store: {
      profile: "default",
      head_points_max: 2_000_000,
      seal_age: "1h",
      sync_interval: "0s",
      merge_runs_min: 4,
      segment_bytes_max: "64MiB",
      period_file_bytes_max: formatByteSize(PERIOD_FILE_BYTES_DEFAULT),
    },
    retention: {
      raw: "keep",
      rollup_1m: "auto",
      rollup_1h: "keep",
      journal: "keep",
      sessions: "keep",
      disk_budget: "none",
      free_floor: "auto",
    },
    query: { timeout: "30s" },
    live: {
      interval_min: "1s",
      interval_max: "1m",
      on_change_hold: "50ms",
      stale_after: "5m",
      subscriptions_max: 10_000,
      series_max: 5_000_000,
      origins: "none",
    },
    alerts: { rules_file: "none" },
    devices: { max: 200_000 },
    dashboards: { max: 1_000, bytes_max: "64MiB" },
    sessions: { streams_max: 10_000, messages_per_second: 50 },
    upstream: UPSTREAM_DEFAULTS,
    remote_write: REMOTE_WRITE_DEFAULTS,
    redis: REDIS_DEFAULTS,
    tls: TLS_DEFAULTS,
    traces: TRACE_DEFAULTS,
  };
}

/** Written less often, for cards and sticks that wear out. */
const FLASH: Readonly<Record<string, string | number>> = {
  "store.seal_age": "6h",
  "store.sync_interval": "5s",
  "store.merge_runs_min": 8,
};

export interface ImpliedDefault {
  readonly key: string;
  readonly value: string | number;
  /** The setting it follows from. */
  readonly from: string;
}

/** Defaults that follow from other settings. What is wrong with those is not judged here. */
export function impliedDefaults(given: (key: string) => unknown): ImpliedDefault[] {
  const implied: ImpliedDefault[] = [];
  if (given("store.profile") === "flash") {
    for (const [key, value] of Object.entries(FLASH)) implied.push({ key, value, from: "store.profile" });
  }
  const budget = settingsSchema.shape.retention.shape.disk_budget.safeParse(given("retention.disk_budget"));
  if (budget.success && budget.data !== Infinity) {
    const file = Math.min(Math.max(budget.data / BUDGET_FILES, PERIOD_FILE_BYTES_MIN), PERIOD_FILE_BYTES_DEFAULT);
    const value = formatByteSize(Math.floor(file / MIB) * MIB);
    implied.push({ key: "store.period_file_bytes_max", value, from: "retention.disk_budget" });
  }
  return implied;
}
