/**
 * What was said in a session, as far as it is loaded: one run of messages, ascending by number, each once, whatever came twice
 * or again after a break. Pure.
 */
import type { CollaborationMessage } from "../../wire/gen/collaboration_pb.ts";

export interface RoomLog {
  readonly messages: readonly CollaborationMessage[];
  /** Earlier ones can be asked for. */
  readonly hasEarlier: boolean;
  /** Number of the last one that was heard of. Where it is not loaded, whoever reads has gone far back. */
  readonly lastNumber: number;
}

export const EMPTY_LOG: RoomLog = { messages: [], hasEarlier: false, lastNumber: 0 };

/** More are not held: those that are farther from where one reads are let go, and can be asked for again. */
export const LOADED_MAX = 2_000;

export function firstNumber({ messages }: RoomLog): number {
  return Number(messages[0]?.number ?? 0n);
}

/** How many were said behind those that are loaded. */
export function laterCount({ messages, lastNumber }: RoomLog): number {
  return lastNumber - Number(messages.at(-1)?.number ?? lastNumber);
}

/** A message that was just said, or missed while the connection was lost. */
export function withLive(log: RoomLog, message: CollaborationMessage): RoomLog {
  const number = Number(message.number);
  if (number <= log.lastNumber) return log;
  if (laterCount(log) > 0) return { ...log, lastNumber: number };
  return cutBefore({
    messages: [...log.messages, message],
    hasEarlier: log.messages.length === 0 ? number > 1 : log.hasEarlier,
    lastNumber: number,
  });
}

/** The last messages, as a stream begins that could not go on where it was. */
export function withSnapshot(log: RoomLog, messages: readonly CollaborationMessage[]): RoomLog {
  const lastNumber = Number(messages.at(-1)?.number ?? 0n);
  if (lastNumber < log.lastNumber || messages.length === 0) return begun(messages);
  if (laterCount(log) > 0) return { ...log, lastNumber };
  // What was said between the two is in neither.
  if (Number(messages[0].number) > log.lastNumber + 1) return begun(messages);
  return messages.reduce(withLive, log);
}

/** A page of those before. */
export function withEarlier(log: RoomLog, page: readonly CollaborationMessage[], more: boolean): RoomLog {
  const first = log.messages.length === 0 ? Infinity : firstNumber(log);
  const messages = [...page.filter(({ number }) => Number(number) < first), ...log.messages].slice(0, LOADED_MAX);
  return { messages, hasEarlier: more, lastNumber: Math.max(log.lastNumber, Number(messages.at(-1)?.number ?? 0n)) };
}

/** The last page in place of all there is: back to where it goes on. */
export function withLast(log: RoomLog, page: readonly CollaborationMessage[], more: boolean): RoomLog {
  const messages = page.slice(-LOADED_MAX);
  const lastNumber = Math.max(log.lastNumber, Number(messages.at(-1)?.number ?? 0n));
  return { messages, hasEarlier: more, lastNumber };
}

function begun(messages: readonly CollaborationMessage[]): RoomLog {
  return messages.reduce(withLive, EMPTY_LOG);
}

function cutBefore(log: RoomLog): RoomLog {
  if (log.messages.length <= LOADED_MAX) return log;
  // In larger steps than one, so that not every message moves all of them.
  return { ...log, messages: log.messages.slice(-Math.floor(LOADED_MAX * 0.75)), hasEarlier: true };
}
