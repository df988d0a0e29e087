/** What somebody should look at, in sentences. Pure. */
import { formatByteSize } from "../model/byte-size.ts";

/** Somebody who was refused something within the last minute. */
export interface LimitedCaller {
  readonly limit: string;
  /** In words. */
  readonly who: string;
  /** Of the limit. */
  readonly max: number;
  /** How often, since it began. */
  readonly times: number;
}

export interface RedisTrouble {
  /** In words. */
  readonly why: string;
  /** Unix milliseconds. */
  readonly sinceMs: number;
}

export interface ServerFacts {
  /** Why the server, or one of its services, does not serve. */
  readonly notServing: string | undefined;
  readonly isOverloaded: boolean;
  readonly isClockTrusted: boolean;
  /** Of the certificate of both ports, in a sentence. */
  readonly certificateTrouble: string | undefined;
  readonly disk: {
    readonly freeBytes: number;
    /** Below it the oldest points go. */
    readonly freeFloorBytes: number;
  };
  readonly damaged: number;
  /** Points that are lost since the start: for want of room on the disk, and for the upstream. */
  readonly droppedForRoom: number;
  readonly droppedForUpstream: number;
  /** Given up, or refused there. */
  readonly lostForRemoteWrite: number;
  /** Of remote write, in a sentence. */
  readonly remoteWriteTrouble: string | undefined;
  /** By address and name. */
  readonly upstreamsAway: readonly string[];
  readonly brokersAway: readonly string[];
  readonly limited: readonly LimitedCaller[];
  /** Why Redis is away; undefined: it is there, or there is none. */
  readonly redisTrouble: RedisTrouble | undefined;
  /** Whether some node, or this server by itself, runs alerts, devices and sessions. */
  readonly isDeskKnown: boolean;
}

export interface Problem {
  readonly kind: string;
  readonly text: string;
}

/** Nothing goes yet; somebody has time. */
const FLOORS_NEAR = 2;

export function problemsOf(facts: ServerFacts): Problem[] {
  const { notServing, disk } = facts;
  const isNear = disk.freeBytes < FLOORS_NEAR * disk.freeFloorBytes;
  const free = `${formatByteSize(disk.freeBytes)} of the disk are free`;
  const isGoing = disk.freeBytes <= disk.freeFloorBytes;
  const said: [isSo: boolean, kind: string, text: string][] = [
    [notServing !== undefined, "not_serving", `Not everything is served: ${notServing}`],
    [facts.isOverloaded, "overload", "Points are refused or have to wait: more comes than can be taken"],
    [!facts.isClockTrusted, "clock", "The wall clock is behind the newest stored arrival: it is not believed"],
    [facts.certificateTrouble !== undefined, "certificate", `TLS: ${facts.certificateTrouble}`],
    [isNear && isGoing, "disk", `${free}: the oldest points go`],
    [isNear && !isGoing, "disk", `${free}; below ${formatByteSize(disk.freeFloorBytes)} the oldest points go`],
    [facts.damaged > 0, "damage", `${counted(facts.damaged, "damaged record")} found, and not served`],
    [
      facts.droppedForRoom > 0,
      "dropped",
      `${counted(facts.droppedForRoom, "point")} went for want of room since the start`,
    ],
    [
      facts.droppedForUpstream > 0,
      "dropped",
      `${counted(facts.droppedForUpstream, "point")} lost for the upstream since the start`,
    ],
    ...(facts.redisTrouble === undefined ? [] : [ofRedis(facts.redisTrouble)]),
    [!facts.isDeskKnown, "desk", "No node is known to run alerts, devices and sessions: calls of these are refused"],
    [facts.remoteWriteTrouble !== undefined, "remote_write", facts.remoteWriteTrouble ?? ""],
    [
      facts.lostForRemoteWrite > 0,
      "dropped",
      `${counted(facts.lostForRemoteWrite, "point")} lost for remote write since the start: given up here, or refused there`,
    ],
    ...facts.upstreamsAway.map((name): [boolean, string, string] => {
      return [true, "upstream", `No connection to the upstream ${name}: points wait here`];
    }),
    ...facts.brokersAway.map((name): [boolean, string, string] => {
      return [true, "mqtt", `No connection to the MQTT broker ${name}`];
    }),
    ...facts.limited.map(({ limit, who, max, times }): [boolean, string, string] => {
      return [true, "limited", `limits.${limit} (${max}) holds up ${who}: refused ${counted(times, "time")} lately`];
    }),
  ];
  return said.filter(([isSo]) => isSo).map(([, kind, text]) => ({ kind, text }));
}

function ofRedis({ why, sinceMs }: RedisTrouble): [boolean, string, string] {
  const since = `${new Date(sinceMs).toISOString().slice(0, 19)}Z`;
  const whatThen = "points are taken, what operators write is refused until it is back";
  return [true, "redis", `Redis is away since ${since} (${why}): ${whatThen}`];
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
}
