/**
 * How a node comes to its copy of the shared journal: it has one; or others have one, which it joins; or nobody has, and what
 * its own journal holds is where all begin. One out of a backup is taken up by the others where they have gone on with it;
 * where all nodes are out of backups, the one that has most of it begins another epoch.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newEpoch } from "../../log/journal-db.ts";
import { LogClient, type JournalOpened } from "../../log/log-client.ts";
import type { JournalHead } from "../../log/protocol.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { pause } from "../../model/pause.ts";
import type { SpawnWorker } from "../../model/spawn.ts";
import type { NodeRecord } from "../../wire/gen/nodes_pb.ts";
import type { Redis } from "../redis/redis.ts";
import type { JournalKeys } from "./journal-keys.ts";
import { readHead, setBase } from "./journal-scripts.ts";
import { newLink } from "./new-link.ts";
import { isNodeLocal } from "./node-local.ts";
import { isBefore, placeOf } from "./place.ts";
import { ownStatePages } from "./state-pages.ts";

export interface OpenReplicaDeps {
  /** The data directory. */
  readonly data: string;
  readonly spawn: SpawnWorker;
  readonly redis: Redis;
  readonly keys: JournalKeys;
  readonly nodeId: string;
  readonly clock: Clock;
  /** The journal of this node alone. */
  readonly own: LogClient;
  readonly signal: AbortSignal;
  /** For so long nobody who has the journal is seen before this node begins it. */
  readonly foundAfterMs: number;
  /** For so long others that are out of backups may come before this one, which is, begins with what it has. */
  readonly graceMs: number;
  /** Others that are out of backups are to know what is in this one. */
  onRestored?(place: JournalPlace): void;
  members(): readonly NodeRecord[];
  onNews(sentence: string): void;
}

export type JournalPlace = Pick<JournalHead, "epoch" | "position">;

export interface OpenedReplica {
  readonly log: LogClient;
  /** All entries from here on are there. */
  readonly firstPosition: number;
  readonly head: JournalHead;
  /** It has nothing yet: what others have is to be read before it is of use. */
  readonly isEmpty: boolean;
}

/** It writes no points. */
const SEGMENT_BYTES_MAX = 1024 * 1024;
const [LOOK_AGAIN_MS, REDIS_WAIT_MS] = [100, 2_000];

/** A node without a copy waits for Redis, and for somebody who has the journal where there is one. Rejects with CANCELLED on the signal. */
export async function openReplica(deps: OpenReplicaDeps): Promise<OpenedReplica> {
  const dir = join(deps.data, "shared");
  const open = () => LogClient.open(deps.spawn, { dir, segmentBytesMax: SEGMENT_BYTES_MAX });
  let { log, opened } = await open();
  const again = async (leave: () => void) => {
    await log.close();
    leave();
    ({ log, opened } = await open());
  };
  try {
    const setAside = async (otherEpoch: number) => {
      const aside = freeName(`${dir}-${opened.journal.epoch}`);
      await again(() => renameSync(dir, aside));
      const kept = `this node's copy of before is kept in ${aside}`;
      const why = isBegunAgain ? "the nodes have begun with another backup" : "Redis has the journal of other nodes";
      deps.onNews(`${why} (epoch ${otherEpoch}): ${kept}`);
    };
    const { journal: before } = opened;
    const isBegunAgain = before.isRestored === true;
    const other = before.link === undefined ? undefined : await otherEpoch(before, deps);
    if (other !== undefined) await setAside(other);
    let isWaitTold = false;
    for (let sinceMs: number | undefined; opened.journal.link === undefined || opened.journal.isRestored === true;) {
      if (deps.signal.aborted) throw new WatchpostError("CANCELLED", "the shared journal is not waited for any more");
      const restored = opened.journal.link === undefined ? undefined : headOf(opened.journal);
      if (restored !== undefined) deps.onRestored?.(restored);
      const found = await lookFor(deps, restored);
      if (found === "same") break;
      if (restored !== undefined && typeof found === "string" && !isWaitTold) {
        const what = `this node's copy is out of a backup, with what was up to position ${restored.position}`;
        deps.onNews(`${what}: it waits for Redis, and a moment for others that are out of backups`);
        isWaitTold = true;
      }
      if (typeof found === "object" && restored !== undefined) {
        await setAside(found.epoch);
        continue;
      }
      if (typeof found === "object") {
        deps.onNews("this node joins the journal of others; what its own has of before stays there and is not shown");
        return { log, firstPosition: 1, head: { ...found, position: 0, link: 0 }, isEmpty: true };
      }
      const nowMs = deps.clock.monotonicMs();
      sinceMs = found === "nobody" ? (sinceMs ?? nowMs) : undefined;
      if (sinceMs === undefined || nowMs - sinceMs < (restored === undefined ? deps.foundAfterMs : deps.graceMs)) {
        await pause(LOOK_AGAIN_MS, deps.clock, deps.signal);
        continue;
      }
      const begun = restored === undefined ? bringOwn(log, deps.own) : bringRestored(log, opened.journal);
      const { head, firstPosition } = await begun;
      const isFirst = await setBase(deps.redis, deps.keys, { head, seen: undefined, skipped: 1, link: newLink() });
      if (isFirst) {
        const whose = restored === undefined ? "its own" : "its backup";
        deps.onNews(
          `this node begins the journal that the nodes share, with what ${whose} has up to position ${head.position}`,
        );
        return { log, firstPosition, head, isEmpty: false };
      }
      if (restored === undefined) await again(() => rmSync(dir, { recursive: true }));
      else await setAside((await readHead(deps.redis, deps.keys).catch(() => undefined))?.epoch ?? 0);
    }
    return { log, firstPosition: opened.journal.firstPosition, head: headOf(opened.journal), isEmpty: false };
  } catch (error) {
    await log.close();
    throw error;
  }
}

function headOf({ epoch, nextPosition, link }: JournalOpened): JournalHead {
  return { epoch, position: nextPosition - 1, link: link! };
}

/** One of that epoch may have been set aside before. */
function freeName(wanted: string): string {
  let name = wanted;
  for (let n = 2; existsSync(name); n++) name = `${wanted}-${n}`;
  return name;
}

/** The epoch of Redis where it is another one; undefined: it is not, or Redis does not tell it soon. */
async function otherEpoch({ epoch }: JournalOpened, deps: OpenReplicaDeps): Promise<number | undefined> {
  const { redis, keys, clock, signal } = deps;
  const untilMs = clock.monotonicMs() + REDIS_WAIT_MS;
  while (!redis.isUp && clock.monotonicMs() < untilMs && !signal.aborted) await pause(LOOK_AGAIN_MS, clock, signal);
  const head = await readHead(redis, keys).catch(() => undefined);
  return head === undefined || head.epoch === epoch ? undefined : head.epoch;
}

/**
 * The journal in Redis; "nobody" has one; "unknown": Redis does not say, or somebody is about to set it again. "same": there is that
 * of which `restored`, a copy out of a backup, is a part.
 */
async function lookFor(
  { redis, keys, nodeId, members }: OpenReplicaDeps,
  restored: JournalPlace | undefined,
): Promise<JournalHead | "nobody" | "unknown" | "same"> {
  if (!redis.isUp) return "unknown";
  try {
    const head = await readHead(redis, keys);
    if (head !== undefined) return head.epoch === restored?.epoch ? "same" : head;
  } catch (error) {
    if (error instanceof WatchpostError && error.status === "UNAVAILABLE") return "unknown";
    throw new WatchpostError(
      "FAILED_PRECONDITION",
      `the journal of the nodes cannot be looked for: ${messageOf(error)}`,
    );
  }
  const others = members().filter((member) => member.nodeId !== nodeId && member.journalEpoch > 0n);
  if (restored === undefined) return others.length > 0 ? "unknown" : "nobody";
  const same = others.filter(({ journalEpoch }) => Number(journalEpoch) === restored.epoch);
  // Whoever can be reached serves: it was there all the time, and tells Redis again.
  if (same.some(({ address }) => address !== "")) return "same";
  const place = { nodeId, position: restored.position };
  const isFirst = same.every((member) => isBefore(place, placeOf(member)));
  return isFirst && same.length === others.length ? "nobody" : "unknown";
}

/** The same entries and documents under an epoch of their own: cursors may point behind what was backed up. */
async function bringRestored(log: LogClient, { nextPosition, firstPosition }: JournalOpened) {
  const head = { epoch: newEpoch(), position: nextPosition - 1, link: newLink() };
  await log.applyJournal([], [], head);
  return { head, firstPosition };
}

/** All that is not of this node alone. */
async function bringOwn(
  log: LogClient,
  own: LogClient,
): Promise<{ readonly head: JournalHead; readonly firstPosition: number }> {
  await log.beginIncoming();
  let state: { position: number; firstPosition: number } | undefined;
  for await (const page of ownStatePages(own, 0)) {
    state ??= page.state;
    const documents = page.documents.filter(({ collection }) => !isNodeLocal(collection));
    await log.putIncoming(page.entries, documents);
  }
  const { position, firstPosition } = state!;
  const head = { epoch: newEpoch(), position, link: newLink() };
  await log.takeIncoming({ ...head, firstPosition, afterPosition: 0 });
  return { head, firstPosition };
}
