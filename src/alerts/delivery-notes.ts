/** Attempts to tell somebody, as the journal has them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import type { SetAside } from "../model/set-aside.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { DeliveryAttemptSchema } from "../wire/gen/receivers_pb.ts";
import { DELIVERY_EVENT } from "./notice-events.ts";
import type { DeliveryAttempt } from "./receivers/delivery.ts";

export interface NotedAttempt extends DeliveryAttempt {
  readonly atMs: number;
  readonly reason: string;
  readonly alertIds: readonly string[];
}

export type JournalRead = (query: JournalQuery) => Promise<readonly JournalEntry[]>;

const ALERT_IDS_TOLD = 20;
/** Of one alert: looked through, at once and in all, and told. */
const [READ_AT_ONCE, READ_MAX, TOLD_MAX] = [500, 2_000, 500];

/** Undefined: it cannot be read, which is set aside. */
export function notedAttempt({ atMs, payload, position }: JournalEntry, setAside: SetAside): NotedAttempt | undefined {
  const noted = setAside.read(`journal entry ${position}`, () => JSON.parse(payload) as Omit<NotedAttempt, "atMs">);
  return noted && { ...noted, atMs };
}

/** Those of one alert, ascending. `sinceMs`: nobody was told of it before. */
export async function attemptsOfAlert(id: string, sinceMs: number, read: JournalRead, setAside: SetAside) {
  const found: NotedAttempt[] = [];
  let before = Infinity;
  for (let looked = 0; looked < READ_MAX && found.length < TOLD_MAX; looked += READ_AT_ONCE) {
    const query = { after: 0, descending: true, limit: READ_AT_ONCE, kind: DELIVERY_EVENT };
    const entries = await read(before === Infinity ? query : { ...query, before });
    for (const entry of entries) {
      before = entry.position;
      if (entry.atMs < sinceMs) return found.reverse();
      // Most are of others: parsing them all would take long.
      const noted = entry.payload.includes(id) ? notedAttempt(entry, setAside) : undefined;
      if (noted?.alertIds.includes(id) && found.length < TOLD_MAX) found.push(noted);
    }
    if (entries.length === 0) break;
  }
  return found.reverse();
}

export function attemptMessage(noted: NotedAttempt): MessageInitShape<typeof DeliveryAttemptSchema> {
  const { atMs, receiver, channel, attempt, isDelivered, outcome, durationMs, reason, alertIds } = noted;
  return {
    at: timestampOfMs(atMs),
    ...{ receiver, channel, attempt, delivered: isDelivered, outcome, reason },
    durationMs: BigInt(Math.round(durationMs)),
    alertIds: alertIds.slice(0, ALERT_IDS_TOLD),
    alertsTotal: BigInt(alertIds.length),
  };
}
