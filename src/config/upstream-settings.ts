/** `[upstream]`: the node that this one forwards to. */
import { z } from "zod";
import { parseAddress } from "../model/address.ts";
import { parseDurationMs } from "../model/duration.ts";
import { bytesOr, choice, durationMs, flag, parsed, path, text } from "./leaves.ts";
import { ageOrNoneMs, patterns, tagConditions } from "./series-settings.ts";

const MIB = 1024 * 1024;
const HOUR = 3_600_000;

/** Undefined: there is none. */
function addressOrNone() {
  return parsed('"none" or an address such as "centre.example.org:50051"', (given): string | null | undefined => {
    if (typeof given !== "string") return undefined;
    if (given === "none") return null;
    if (/^https:\/\//i.test(given)) throw new Error("wanted host:port alone, beside tls = true");
    return parseAddress(given).port === 0 ? undefined : given;
  }).transform((given) => given ?? undefined);
}

/** Undefined: points go as they are. */
function stepOrNoneMs() {
  return parsed(
    '"none" or a duration of whole seconds such as "1m", at most 1d',
    (given): number | null | undefined => {
      if (given === "none") return null;
      const value = typeof given === "string" ? parseDurationMs(given) : undefined;
      const isStep = value !== undefined && value >= 1_000 && value <= 24 * HOUR && value % 1_000 === 0;
      return isStep ? value : undefined;
    },
  ).transform((given) => given ?? undefined);
}

export const upstreamSettings = z.strictObject({
  address: addressOrNone(),
  name: text('a name, or "auto" for that of the machine'),
  tls: flag(),
  ca_file: path(),
  cert_file: path(),
  key_file: path(),
  token_file: path(),
  gzip: flag(),
  bandwidth: bytesOr({ none: Infinity }, 1024, Infinity),
  metrics: patterns(),
  sources: patterns(),
  tags: tagConditions(),
  step: stepOrNoneMs(),
  function: choice("avg", "min", "max", "last", "first", "sum", "count", "p50", "p90", "p95", "p99"),
  events: flag(),
  queue_bytes_max: bytesOr({ none: Infinity }, MIB, Infinity),
  queue_age_max: ageOrNoneMs(),
  backoff_min: durationMs(10, HOUR),
  backoff_max: durationMs(10, HOUR),
});

export const UPSTREAM_DEFAULTS = {
  address: "none",
  name: "auto",
  tls: false,
  ca_file: "none",
  cert_file: "none",
  key_file: "none",
  token_file: "none",
  gzip: false,
  bandwidth: "none",
  metrics: "*",
  sources: "*",
  tags: "none",
  step: "none",
  function: "avg",
  events: true,
  queue_bytes_max: "none",
  queue_age_max: "none",
  backoff_min: "1s",
  backoff_max: "1m",
};
