/** The sending half of the ledger where the receiver tells fewer sources apart. */
import { OTHER_SOURCES } from "../../../src/model/limits.ts";
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { DeliveryLedger } from "../../../src/edge/upstream/delivery-ledger.ts";
import type { HeldPoints } from "../../../src/edge/upstream/series-filter.ts";
import { ANY_TIME, joinedSpan, NO_TIME, type TimeSpan } from "../../../src/model/time-span.ts";
import { droppedSpan, droppedTimestamps } from "../../../src/wire/dropped-times.ts";
import { DroppedPointsSchema, SourceDeliverySchema, type DroppedPoints } from "../../../src/wire/gen/forwarding_pb.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

const TIMES: TimeSpan = { fromUs: 1_000, toUs: 2_000 };

/** What a receiver that tells "a" alone apart answers with. */
class Receiver {
  readonly dropped = new Map<string, HeldPoints>();

  take(told: readonly DroppedPoints[]): void {
    for (const { source, points, firstTime, lastTime } of told) {
      const as = source === "a" ? source : OTHER_SOURCES;
      const before = this.dropped.get(as) ?? { points: 0, times: NO_TIME };
      const times = joinedSpan(before.times, droppedSpan(firstTime, lastTime)!);
      this.dropped.set(as, { points: before.points + Number(points), times });
    }
  }

  get sources() {
    return [...this.dropped].map(([source, { points, times }]) => {
      const [firstDroppedTime, lastDroppedTime] = droppedTimestamps(times);
      const droppedTimes = firstDroppedTime && { firstDroppedTime, lastDroppedTime };
      return create(SourceDeliverySchema, { source, droppedPoints: BigInt(points), ...droppedTimes });
    });
  }
}

test("what was given up of sources that the receiver counts together is told once, over streams and restarts", async () => {
  const journal = new MemoryJournal();
  const receiver = new Receiver();
  let ledger = await DeliveryLedger.read(journal);
  const dropped = () => Object.fromEntries([...ledger.sources()].map(([source, counts]) => [source, counts.dropped]));
  for (let stream = 1; stream <= 3; stream++) {
    ledger.adopt(receiver.sources);
    for (const source of ["a", "b", "c"]) ledger.dropped(source, { points: 10, times: TIMES });
    receiver.take(ledger.takeUntold());
    expect(receiver.dropped.get("a")).toEqual({ points: 10 * stream, times: TIMES });
    expect(receiver.dropped.get(OTHER_SOURCES)).toEqual({ points: 20 * stream, times: TIMES });
    ledger.adopt(receiver.sources);
    const wanted = { a: 10 * stream, [OTHER_SOURCES]: 20 * stream };
    expect(dropped()).toEqual(wanted);
    expect(ledger.takeUntold()).toEqual([]);
    await journal.append([], ledger.takeChanges());
    ledger = await DeliveryLedger.read(journal);
    expect(dropped()).toEqual(wanted);
  }
});

test("what was given up and never told is told where the receiver counts its source together with others", async () => {
  const receiver = new Receiver();
  receiver.take([create(DroppedPointsSchema, { source: "b", points: 5n })]);
  const ledger = await DeliveryLedger.read(new MemoryJournal());
  for (const source of ["a", "b", "c"]) ledger.dropped(source, { points: 10, times: TIMES });
  ledger.adopt(receiver.sources);
  const told = ledger.takeUntold().map(({ source, points }) => [source, points]);
  expect(told).toEqual([[OTHER_SOURCES, 25n]]);
});

test("between which times it lies is kept over restarts; where some was counted without, it may be of any", async () => {
  const journal = new MemoryJournal();
  const ledger = await DeliveryLedger.read(journal);
  ledger.dropped("a", { points: 1, times: { fromUs: 30, toUs: 40 } });
  ledger.dropped("a", { points: 2, times: { fromUs: 10, toUs: 20 } });
  ledger.dropped("b", { points: 1, times: ANY_TIME });
  await journal.append([], ledger.takeChanges());
  const { value } = (await journal.document("upstream.source", "a"))!;
  const older = JSON.stringify({ ...JSON.parse(value), droppedTimes: undefined });
  await journal.append([], [{ collection: "upstream.source", key: "older", sort: 0, value: older }]);
  const kept = await DeliveryLedger.read(journal);
  const times = Object.fromEntries([...kept.sources()].map(([source, counts]) => [source, counts.droppedTimes]));
  expect(times).toEqual({ a: { fromUs: 10, toUs: 40 }, b: ANY_TIME, older: ANY_TIME });
  kept.adopt([create(SourceDeliverySchema, { source: "a", droppedPoints: 2n })]);
  const told = new Map(kept.takeUntold().map((each) => [each.source, each]));
  expect([told.get("a")?.points, told.get("a")?.lastTime]).toMatchObject([1n, { seconds: 0n, nanos: 40_000 }]);
  expect(told.get("b")?.firstTime).toBeUndefined();
});
