/** What callers may take, and how many connections the system leaves room for. */
import { readFileSync } from "node:fs";
import { Limits } from "../access/limits.ts";
import type { Config } from "../config/config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import { Seldom } from "../model/seldom.ts";
import { LIMIT_NAMES, type LimitName } from "../wire/allowance.ts";

/** Files that are no connections: of the log, of the store, of what is served. */
const OWN_FILES = 1_024;
/** That one address may have where nobody says otherwise. */
const CONNECTIONS_OF_ONE_MAX = 10_000;

export function openLimits(
  { limits }: Pick<Config, "limits">,
  { logger, clock, metrics }: { readonly logger: Logger; readonly clock: Clock; readonly metrics: Metrics },
): Limits {
  const say = (sentence: string) => logger.warn({}, sentence);
  // Of one limit a line in a while, whoever meets it as often as they like.
  const said = Object.fromEntries(LIMIT_NAMES.map((name) => [name, new Seldom(clock, say)])) as Record<
    LimitName,
    Seldom
  >;
  const connections = limits.connections === "auto" ? connectionsFor(openFilesMax()) : limits.connections;
  const given = limits.connections_per_address;
  const perAddress = given === "auto" ? connectionsOfOneFor(connections) : given;
  return new Limits({
    settings: { ...limits, connections, connections_per_address: perAddress },
    // Whoever runs programs on this machine is no stranger, and a proxy may be one of them.
    ownConnections: given === "auto" ? CONNECTIONS_OF_ONE_MAX : given,
    clock,
    onLimited({ limit, who, max }) {
      metrics.limited.inc({ limit });
      said[limit].say(() => `limits.${limit} (${max}) holds up ${who}`);
    },
  });
}

/** So that files can still be opened when all connections are there. */
export function connectionsFor(filesMax: number): number {
  return Math.max(Math.floor(filesMax / 2), filesMax - OWN_FILES);
}

/** A quarter, so that no three addresses keep all others out. */
export function connectionsOfOneFor(connections: number): number {
  return Math.max(1, Math.min(Math.floor(connections / 4), CONNECTIONS_OF_ONE_MAX));
}

/** Infinity where the system does not tell. */
function openFilesMax(): number {
  try {
    const [, max] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return max === undefined ? Infinity : Number(max);
  } catch {
    return Infinity;
  }
}
