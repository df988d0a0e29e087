/** What waits for the journal, which may hang or fail. */
import { expect, test } from "bun:test";
import { DeviceWriter, type Note } from "../../src/devices/device-writer.ts";
import type { JournalEvent } from "../../src/model/journal.ts";
import { ManualClock } from "../support/manual-clock.ts";

const NOTES_MAX = 1_000;

/** A journal that answers when it is told to. */
function createRig() {
  const clock = new ManualClock();
  const troubles: string[] = [];
  const written: number[] = [];
  const waiting: { devices: number[]; done: PromiseWithResolvers<void> }[] = [];
  const journal = {
    append(events: readonly JournalEvent[]): Promise<unknown> {
      const devices = events.map(({ subject }) => Number(subject));
      const done = Promise.withResolvers<void>();
      waiting.push({ devices, done });
      return done.promise.then(() => written.push(...devices));
    },
  };
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  const writer = new DeviceWriter({ journal, clock, onTrouble, onCommit() {} }, NOTES_MAX);
  const note = (device: number): Note => ({
    device,
    rows: () => ({ events: [{ subject: `${device}`, payload: "" } as unknown as JournalEvent], changes: [] }),
  });
  /** Answers until nothing is asked any more. */
  const answerAll = async () => {
    for (let i = 0; i < 100; i++) {
      for (const { done } of waiting.splice(0)) done.resolve();
      await Bun.sleep(0);
    }
  };
  return { clock, troubles, written, waiting, writer, note, answerAll };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test("while the journal hangs no more than so many notes wait: the oldest are given up, and that is said", async () => {
  const { troubles, written, waiting, writer, note, answerAll } = createRig();
  for (const device of numbers(0, 500)) writer.note(note(device));
  await Bun.sleep(0);
  expect(waiting.map(({ devices }) => devices)).toEqual([numbers(0, 100)]);
  const settled = writer.settled();
  for (const device of numbers(500, 3_000)) {
    writer.note(note(device));
    expect(writer.waiting).toBeLessThanOrEqual(NOTES_MAX);
  }
  expect(troubles).toEqual(["more than 1000 changes of devices wait for the journal: the oldest are given up"]);
  await settled;
  await answerAll();
  // Those that were on their way when it began to hang arrive, whatever was given up meanwhile.
  expect(written).toEqual([...numbers(0, 100), ...numbers(2_000, 3_000)]);
  expect(troubles.slice(1)).toEqual(["1900 changes of devices were given up, since too many waited for the journal"]);
});

test("while the journal fails the same holds, and what failed is tried again where it still waits", async () => {
  const { clock, troubles, written, waiting, writer, note, answerAll } = createRig();
  for (const device of numbers(0, 150)) writer.note(note(device));
  await Bun.sleep(0);
  waiting.pop()!.done.reject(new Error("disk full"));
  await Bun.sleep(0);
  for (const device of numbers(150, 1_050)) writer.note(note(device));
  expect([writer.isFailing, writer.waiting]).toEqual([true, NOTES_MAX]);
  clock.advance(1_000);
  await answerAll();
  expect(written).toEqual(numbers(50, 1_050));
  expect(troubles.slice(1)).toEqual([
    "more than 1000 changes of devices wait for the journal: the oldest are given up",
    "50 changes of devices were given up, since too many waited for the journal",
  ]);
});
