/** A transaction of the shared journal as bytes, and as it stands in the stream. Pure. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../../model/journal.ts";
import {
  type SharedChange,
  SharedChangeSchema,
  type SharedEvent,
  SharedEventSchema,
  SharedTransactionSchema,
} from "../../wire/gen/nodes_pb.ts";
import type { RedisReply } from "../redis/redis.ts";

export interface SharedTransaction {
  readonly nodeId: string;
  /** Of all transactions its own. */
  readonly id: string;
  readonly events: readonly JournalEvent[];
  readonly changes: readonly DocumentChange[];
}

/** A transaction in the order of all: it is the one behind `before`. */
export interface SharedCommit {
  readonly before: StreamPlace;
  /** Of its last event; one without events takes a position, too. */
  readonly position: number;
  readonly link: number;
  /** "": nobody's; the order goes on there after Redis had lost it. */
  readonly id: string;
  readonly entries: readonly JournalEntry[];
  readonly changes: readonly DocumentChange[];
}

export interface StreamPlace {
  readonly position: number;
  readonly link: number;
}

/** How many positions a transaction takes. */
export function positionsOf(events: readonly unknown[]): number {
  return Math.max(events.length, 1);
}

export function encodeTransaction({ nodeId, id, events, changes }: SharedTransaction): Uint8Array {
  const message = create(SharedTransactionSchema, {
    nodeId,
    transactionId: id,
    events: events.map(eventMessage),
    changes: changes.map(changeMessage),
  });
  return toBinary(SharedTransactionSchema, message);
}

export function eventMessage({ atMs, kind, subject, actor, payload }: JournalEvent): SharedEvent {
  return create(SharedEventSchema, { atMs: BigInt(atMs), kind, subject, actor, payload });
}

export function eventOf({ atMs, kind, subject, actor, payload }: SharedEvent): JournalEvent {
  return { atMs: Number(atMs), kind, subject, actor, payload };
}

export function changeMessage({ collection, key, sort, value }: DocumentChange): SharedChange {
  return create(SharedChangeSchema, { collection, key, sort, ...(value === null ? {} : { value }) });
}

export function changeOf({ collection, key, sort, value }: SharedChange): DocumentChange {
  return { collection, key, sort, value: value ?? null };
}

/** What stands in the stream for one, as fields and values. */
export function streamFields(before: StreamPlace, link: number, transaction: Uint8Array): (string | Uint8Array)[] {
  return ["b", placeText(before), "l", String(link), "d", transaction];
}

export function placeText({ position, link }: StreamPlace): string {
  return `${position} ${link}`;
}

/** The transactions that XREAD has answered with. Throws DATA_LOSS for what none is. */
export function commitsIn(reply: RedisReply): SharedCommit[] {
  if (reply === null) return [];
  try {
    const [[, items]] = reply as [[Buffer, [Buffer, Buffer[]][]]];
    return items.map(([id, fields]) => commitIn(id.toString(), fields));
  } catch (error) {
    throw new WatchpostError(
      "DATA_LOSS",
      `what stands in the stream of the journal cannot be read: ${messageOf(error)}`,
    );
  }
}

function commitIn(streamId: string, fields: readonly Buffer[]): SharedCommit {
  const values = new Map<string, Buffer>();
  for (let i = 0; i < fields.length; i += 2) values.set(fields[i].toString(), fields[i + 1]);
  const [beforeText, linkText, bytes] = ["b", "l", "d"].map((name) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`${streamId} has no field ${name}`);
    return value;
  });
  const [beforePosition, beforeLink] = beforeText.toString().split(" ").map(wholeNumber);
  const position = wholeNumber(streamId.split("-")[0]);
  const place = {
    before: { position: beforePosition, link: beforeLink },
    position,
    link: wholeNumber(linkText.toString()),
  };
  if (bytes.length === 0) return { ...place, id: "", entries: [], changes: [] };
  const { transactionId, events, changes } = fromBinary(SharedTransactionSchema, bytes);
  const first = position - positionsOf(events) + 1;
  const entries = events.map((event, i) => ({ position: first + i, ...eventOf(event) }));
  return { ...place, id: transactionId, entries, changes: changes.map(changeOf) };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text === "" || !Number.isSafeInteger(value)) throw new Error(`${JSON.stringify(text)} is no whole number`);
  return value;
}

/** The first of them that follow on a place, each on the one before. */
export function following(place: StreamPlace, commits: readonly SharedCommit[]): SharedCommit[] {
  let last = place;
  const end = commits.findIndex((commit) => {
    const follows = commit.before.position === last.position && commit.before.link === last.link;
    last = commit;
    return !follows;
  });
  return end < 0 ? [...commits] : commits.slice(0, end);
}
