/** `[redis]`: what several nodes share. */
import { z } from "zod";
import { parseAddress } from "../model/address.ts";
import { parseRedisUrl, WANTED_REDIS_URL } from "../cluster/redis/redis-url.ts";
import { bytes, durationMs, parsed, path, text } from "./leaves.ts";

const HOUR = 3_600_000;
const MIB = 1024 * 1024;
const PREFIX = /^[A-Za-z0-9_.-]{1,64}$/;

export const redisSettings = z.strictObject({
  url: parsed(WANTED_REDIS_URL, (given): string | null | undefined => {
    if (given === "none") return null;
    return typeof given === "string" && parseRedisUrl(given) !== undefined ? given : undefined;
  }).transform((given) => given ?? undefined),
  prefix: parsed("1 to 64 letters, digits, '_', '.' and '-'", (given) =>
    typeof given === "string" && PREFIX.test(given) ? given : undefined,
  ),
  node_name: text('a name, or "auto" for that of the machine'),
  advertise: parsed('"auto" or an address such as "node-1.example.org:50051"', (given): string | null | undefined => {
    if (given === "auto") return null;
    if (typeof given !== "string") return undefined;
    return parseAddress(given).port === 0 ? undefined : given;
  }).transform((given) => given ?? undefined),
  ca_file: path(),
  cert_file: path(),
  key_file: path(),
  sentinel_password: text('a password, or "none"').transform((given) => (given === "none" ? undefined : given)),
  peer_ca_file: path(),
  recent_window: durationMs(0, 7 * 24 * HOUR),
  recent_budget: bytes(MIB, 1024 * 1024 * MIB),
});

export const REDIS_DEFAULTS = {
  url: "none",
  prefix: "watchpost",
  node_name: "auto",
  advertise: "auto",
  ca_file: "none",
  cert_file: "none",
  key_file: "none",
  sentinel_password: "none",
  peer_ca_file: "none",
  recent_window: "2h",
  recent_budget: "256MiB",
};
