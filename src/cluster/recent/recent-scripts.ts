/** What is done to the recent window in one step. */
import type { RedisScript } from "../redis/redis.ts";

/**
 * A node says how far it is, with what it has written: a piece of its tail, or a slice in place of pieces. Nothing is done where what it
 * had written before is gone: then it answers 0.
 *
 * KEYS order, sizes, node, tail. ARGV node id, run, through, at ("": as before), seconds to keep, bytes of the tail then;
 * field and value of a piece of the tail ("" and ""), of a slice ("" and "") and its bytes; fields of the tail that go.
 */
export const ADVANCE: RedisScript = {
  name: "the writing of the recent window",
  lua: `
local id, run, ttl, tailBytes = ARGV[1], ARGV[2], ARGV[5], ARGV[6]
if redis.call('HGET', KEYS[3], 'run') ~= run then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[7] ~= '' then redis.call('HSET', KEYS[4], ARGV[7], ARGV[8]) end
if ARGV[9] ~= '' then
  local member = id .. '/' .. ARGV[9]
  redis.call('HSET', KEYS[3], ARGV[9], ARGV[10])
  redis.call('ZADD', KEYS[1], now, member)
  redis.call('HSET', KEYS[2], member, ARGV[11])
end
for i = 12, #ARGV do redis.call('HDEL', KEYS[4], ARGV[i]) end
if tailBytes == '0' then
  redis.call('ZREM', KEYS[1], id .. '/tail')
  redis.call('HDEL', KEYS[2], id .. '/tail')
else
  redis.call('ZADD', KEYS[1], now, id .. '/tail')
  redis.call('HSET', KEYS[2], id .. '/tail', tailBytes)
end
redis.call('HSET', KEYS[3], 'through', ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], 'at', ARGV[4]) end
redis.call('EXPIRE', KEYS[3], ttl)
redis.call('EXPIRE', KEYS[4], ttl)
return 1`,
};

/** A node begins anew. KEYS order, sizes, node, tail, deleted. ARGV node id, run, seconds to keep. Gives the sequences that slices ended with. */
export const BEGIN: RedisScript = {
  name: "the beginning of the recent window",
  lua: `
local slices = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
  if tonumber(field) then
    slices[#slices + 1] = field
    redis.call('ZREM', KEYS[1], ARGV[1] .. '/' .. field)
    redis.call('HDEL', KEYS[2], ARGV[1] .. '/' .. field)
  end
end
redis.call('ZREM', KEYS[1], ARGV[1] .. '/tail')
redis.call('HDEL', KEYS[2], ARGV[1] .. '/tail')
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', KEYS[3], 'run', ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return slices`,
};

/**
 * The oldest go that are too old, or too much together. It only takes away, so that it can where Redis has no room.
 *
 * KEYS order, sizes. ARGV milliseconds to keep, bytes to keep, beginnings of the keys of nodes and of tails. Gives bytes that are left,
 * how many went since they were too much, the time of the oldest that is left (0: none), and which went.
 */
export const LET_GO: RedisScript = {
  name: "the letting go of the recent window",
  frees: true,
  lua: `
local AT_ONCE = 500
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local total, dropped, gone = 0, 0, {}
for _, size in ipairs(redis.call('HVALS', KEYS[2])) do total = total + size end
local function drop(member)
  local slash = string.find(member, '/', 1, true)
  local id, field = string.sub(member, 1, slash - 1), string.sub(member, slash + 1)
  total = total - (redis.call('HGET', KEYS[2], member) or 0)
  redis.call('HDEL', KEYS[2], member)
  redis.call('ZREM', KEYS[1], member)
  if field == 'tail' then redis.call('DEL', ARGV[4] .. id) else redis.call('HDEL', ARGV[3] .. id, field) end
  gone[#gone + 1] = member
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, AT_ONCE)) do drop(member) end
while total > tonumber(ARGV[2]) and #gone < AT_ONCE do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)
  if #oldest == 0 then break end
  drop(oldest[1])
  dropped = dropped + 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local answer = { total, dropped, oldest[2] or '0' }
for _, member in ipairs(gone) do answer[#answer + 1] = member end
return answer`,
};

/** What a slice has of a shard goes. KEYS chunk. */
export const UNLINK: RedisScript = {
  name: "the letting go of a chunk",
  frees: true,
  lua: "return redis.call('UNLINK', KEYS[1])",
};
