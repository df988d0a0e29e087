/** `[remote_write]`: the Prometheus-compatible cluster that gets this node's points. */
import { z } from "zod";
import { labelNameOf, type LabelPair } from "../edge/remote-write/prometheus-labels.ts";
import { bytesOr, durationMs, flag, integer, parsed, path, text, type Problem } from "./leaves.ts";
import { ageOrNoneMs, patterns, tagConditions } from "./series-settings.ts";
import { headersOf } from "./trace-settings.ts";

const MIB = 1024 * 1024;
const HOUR = 3_600_000;

export const remoteWriteSettings = z.strictObject({
  url: parsed(
    '"none" or where remote write is taken, such as http://127.0.0.1:8428/api/v1/write',
    (given): { readonly url: string | undefined } | undefined => {
      if (given === "none") return { url: undefined };
      const url = typeof given === "string" ? URL.parse(given) : null;
      const isTaken = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
      return isTaken ? { url: url.href } : undefined;
    },
  ).transform(({ url }) => url),
  token_file: path(),
  user: text('a name, or "none"').transform((given) => (given === "none" ? undefined : given)),
  password_file: path(),
  headers: parsed('"none" or headers such as "x-scope-orgid=plant-1", with a comma of a value as %2C', headersOf),
  ca_file: path(),
  labels: parsed('"none" or labels such as "node=plant-1,region=north"', labelsOf),
  metrics: patterns(),
  sources: patterns(),
  tags: tagConditions(),
  history: flag(),
  batch_points: integer(1, 100_000),
  batch_wait: durationMs(10, 60_000),
  connections: integer(1, 64),
  timeout: durationMs(100, 600_000),
  queue_bytes_max: bytesOr({ none: Infinity }, MIB, Infinity),
  queue_age_max: ageOrNoneMs(),
  backoff_min: durationMs(10, HOUR),
  backoff_max: durationMs(10, HOUR),
});

export const REMOTE_WRITE_DEFAULTS = {
  url: "none",
  token_file: "none",
  user: "none",
  password_file: "none",
  headers: "none",
  ca_file: "none",
  labels: "none",
  metrics: "*",
  sources: "*",
  tags: "none",
  history: false,
  batch_points: 5_000,
  batch_wait: "1s",
  connections: 4,
  timeout: "30s",
  queue_bytes_max: "none",
  queue_age_max: "none",
  backoff_min: "100ms",
  backoff_max: "30s",
};

/** Between settings that are right by themselves. */
export function remoteWriteContradictions(settings: z.output<typeof remoteWriteSettings>): Problem[] {
  const { backoff_min, backoff_max, token_file, user, password_file } = settings;
  const problems: [isSo: boolean, key: string, wanted: string][] = [
    [backoff_min > backoff_max, "backoff_min", "wanted at most remote_write.backoff_max"],
    [
      token_file !== undefined && user !== undefined,
      "token_file",
      "wanted without remote_write.user: one way to say who it is",
    ],
    [password_file !== undefined && user === undefined, "password_file", "wanted together with remote_write.user"],
  ];
  return problems.filter(([isSo]) => isSo).map(([, key, wanted]) => ({ key: `remote_write.${key}`, wanted }));
}

function labelsOf(given: unknown): readonly LabelPair[] | undefined {
  if (typeof given !== "string") return undefined;
  if (given === "none") return [];
  const pairs = given.split(",").map((one): LabelPair => {
    const [, name = "", value = ""] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(one) ?? [];
    return [name, value];
  });
  const isTaken = ([name, value]: LabelPair) =>
    name !== "" && value !== "" && labelNameOf(name) === name && !name.startsWith("__");
  return pairs.every(isTaken) && new Set(pairs.map(([name]) => name)).size === pairs.length ? pairs : undefined;
}
