/** WatchLastSeen: when devices were heard last, of those that were heard since the message before. Nothing waits for a reader. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../model/clock.ts";
import { invalidField } from "../model/errors.ts";
import { pause } from "../model/pause.ts";
import type { LastSeenUpdateSchema, WatchLastSeenRequest } from "../wire/gen/devices_pb.ts";
import type { DeviceBook } from "./device-book.ts";
import type { DeviceSight } from "./seen-devices.ts";

export interface LastSeenDeps {
  readonly book: Pick<DeviceBook, "told">;
  readonly statuses: {
    /** Unix milliseconds; 0: never. */
    seenMs(index: number): number;
  };
  readonly clock: Clock;
  /** Lets others have a turn. */
  pause(): Promise<void>;
}

const RECORDS_AT_ONCE = 5_000;
const [INTERVAL_MS, INTERVAL_MS_MIN, INTERVAL_MS_MAX] = [5_000, 1_000, 60_000];

/** Of devices in scope. Ends when `signal` does. */
export async function* watchLastSeen(
  { intervalMs }: WatchLastSeenRequest,
  { seesRecord }: Pick<DeviceSight, "seesRecord">,
  { book, statuses, clock, pause: turn }: LastSeenDeps,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof LastSeenUpdateSchema>, void> {
  const everyMs = intervalMs === 0 ? INTERVAL_MS : intervalMs;
  if (everyMs < INTERVAL_MS_MIN || everyMs > INTERVAL_MS_MAX) {
    throw invalidField("interval_ms", intervalMs, `${INTERVAL_MS_MIN} to ${INTERVAL_MS_MAX}, or 0 for ${INTERVAL_MS}`);
  }
  /** By device: one that was deleted and found again is another one under its index. */
  const told = new Map<string, number>();
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const deviceIds: string[] = [];
    const lastSeenMs: bigint[] = [];
    let looked = 0;
    for (const record of book.told()) {
      if (++looked % RECORDS_AT_ONCE === 0) await turn();
      const { id, index } = record;
      const seenMs = Math.floor(statuses.seenMs(index));
      if (seenMs === (told.get(id) ?? 0) || !seesRecord(record)) continue;
      told.set(id, seenMs);
      deviceIds.push(id);
      lastSeenMs.push(BigInt(seenMs));
    }
    if (isFirst || deviceIds.length > 0) yield { deviceIds, lastSeenMs };
    await pause(everyMs, clock, signal);
  }
}
