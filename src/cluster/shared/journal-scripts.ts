/**
 * What is done to the shared journal in Redis, each in one step. Numbers are written in full: Lua would write large ones with
 * an exponent.
 */
import type { JournalHead } from "../../log/protocol.ts";
import type { Fence } from "../desk-lease.ts";
import type { Redis, RedisScript } from "../redis/redis.ts";
import type { JournalKeys } from "./journal-keys.ts";

export interface AppendedBytes {
  readonly epoch: number;
  /** How far whoever appends has come: a Redis that is behind that has lost something. */
  readonly knownPosition: number;
  /** Of this appender, ascending. */
  readonly appender: string;
  readonly attempt: number;
  readonly positions: number;
  readonly link: number;
  readonly transaction: Uint8Array;
  readonly fence: Fence | undefined;
}

/**
 * "ok": it stands in the stream, its last position is told. "missing": Redis has no journal; "epoch": it has another one;
 * "behind": it has lost some of it. "unheld": nobody has the lease of the fence; "moved": somebody else has. "settled": the
 * attempt was given up.
 */
export type AppendAnswer =
  | { readonly kind: "ok"; readonly position: number }
  | { readonly kind: "missing" | "epoch" | "behind" | "unheld" | "moved" | "settled" };

/** Of the stream, whatever is reached first. A node that is further behind reads the journal of another one. */
const [STREAM_ENTRIES_MAX, STREAM_MEBIBYTES_MAX] = [100_000, 64];
/** Longer than any answer is waited for. */
const TRIED_KEPT_S = 86_400;

const APPEND: RedisScript = {
  name: "append",
  lua: `
local head = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'link', 'bytes')
if not head[1] then return {'missing'} end
if head[1] ~= ARGV[1] then return {'epoch'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'behind'} end
if KEYS[5] then
  local held = redis.call('GET', KEYS[5])
  if not held then return {'unheld'} end
  if held ~= ARGV[3] then return {'moved'} end
end
local tried = redis.call('GET', KEYS[4])
if tried and tonumber(tried) >= tonumber(ARGV[4]) then return {'settled'} end
redis.call('SET', KEYS[4], ARGV[4], 'EX', ${TRIED_KEPT_S})
local position = string.format('%.0f', tonumber(head[2]) + tonumber(ARGV[5]))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ${STREAM_ENTRIES_MAX}, position .. '-0',
  'b', head[2] .. ' ' .. head[3], 'l', ARGV[6], 'd', ARGV[7])
local before = tonumber(head[4])
local bytes = before + #ARGV[7]
for i = math.floor(before / 1048576) + 1, math.floor(bytes / 1048576) do
  redis.call('RPUSH', KEYS[3], position)
end
while redis.call('LLEN', KEYS[3]) > ${STREAM_MEBIBYTES_MAX} do
  redis.call('XTRIM', KEYS[2], 'MINID', redis.call('LPOP', KEYS[3]) .. '-0')
end
redis.call('HSET', KEYS[1], 'position', position, 'link', ARGV[6], 'bytes', string.format('%.0f', bytes))
return {'ok', position}`,
};

const SETTLE: RedisScript = {
  name: "settle",
  lua: `
local tried = redis.call('GET', KEYS[1])
if tried and tonumber(tried) >= tonumber(ARGV[1]) then return redis.call('HGET', KEYS[2], 'position') or '0' end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ${TRIED_KEPT_S})
return false`,
};

const BASE: RedisScript = {
  name: "base",
  lua: `
local head = redis.call('HMGET', KEYS[1], 'epoch', 'position')
if head[1] and head[1] ~= ARGV[1] then return 0 end
if (head[2] or '') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2], KEYS[3])
local position = string.format('%.0f', tonumber(ARGV[3]) + tonumber(ARGV[5]))
redis.call('XADD', KEYS[2], position .. '-0', 'b', ARGV[3] .. ' ' .. ARGV[4], 'l', ARGV[6], 'd', '')
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'position', position, 'link', ARGV[6], 'bytes', '0')
return 1`,
};

/** undefined: Redis has none. */
export async function readHead(redis: Redis, keys: JournalKeys): Promise<JournalHead | undefined> {
  const [epoch, position, link] = (await redis.call(
    "HMGET",
    keys.head,
    "epoch",
    "position",
    "link",
  )) as (Buffer | null)[];
  if (epoch === null || position === null || link === null) return undefined;
  return { epoch: Number(epoch.toString()), position: Number(position.toString()), link: Number(link.toString()) };
}

export async function append(redis: Redis, keys: JournalKeys, what: AppendedBytes): Promise<AppendAnswer> {
  const { epoch, knownPosition, appender, attempt, positions, link, transaction, fence } = what;
  const names = [keys.head, keys.stream, keys.marks, keys.tried(appender), ...(fence === undefined ? [] : [fence.key])];
  const parameters = [epoch, knownPosition, fence?.token ?? "", attempt, positions, link, transaction];
  const [kind, position] = (await redis.run(APPEND, names, parameters)) as Buffer[];
  if (kind.toString() === "ok") return { kind: "ok", position: Number(position.toString()) };
  return { kind: kind.toString() } as AppendAnswer;
}

/** A position up to which that attempt came; undefined: it did not, and does not any more. */
export async function settle(
  redis: Redis,
  keys: JournalKeys,
  appender: string,
  attempt: number,
): Promise<number | undefined> {
  const position = (await redis.run(SETTLE, [keys.tried(appender), keys.head], [attempt])) as Buffer | null;
  return position === null ? undefined : Number(position.toString());
}

/**
 * Lets the order go on behind `head`, `skipped` positions further, where Redis has `seen` still (undefined: none). What the
 * stream had is removed. Resolves with whether it does.
 */
export async function setBase(
  redis: Redis,
  keys: JournalKeys,
  base: { head: JournalHead; seen: JournalHead | undefined; skipped: number; link: number },
): Promise<boolean> {
  const { head, seen, skipped, link } = base;
  const parameters = [head.epoch, seen?.position ?? "", head.position, head.link, skipped, link];
  return (await redis.run(BASE, [keys.head, keys.stream, keys.marks], parameters)) === 1;
}
