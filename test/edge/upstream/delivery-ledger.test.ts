/** The sending half of the ledger where the receiver tells fewer sources apart. */
import { OTHER_SOURCES } from "../../../src/model/limits.ts";
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { DeliveryLedger } from "../../../src/edge/upstream/delivery-ledger.ts";
import { SourceDeliverySchema } from "../../../src/wire/gen/forwarding_pb.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

/** What a receiver that tells "a" alone apart answers with. */
class Receiver {
  readonly dropped = new Map<string, bigint>();

  take(told: readonly { source: string; points: bigint }[]): void {
    for (const { source, points } of told) {
      const as = source === "a" ? source : OTHER_SOURCES;
      this.dropped.set(as, (this.dropped.get(as) ?? 0n) + points);
    }
  }

  get sources() {
    return [...this.dropped].map(([source, droppedPoints]) => create(SourceDeliverySchema, { source, droppedPoints }));
  }
}

test("what was given up of sources that the receiver counts together is told once, over streams and restarts", async () => {
  const journal = new MemoryJournal();
  const receiver = new Receiver();
  let ledger = await DeliveryLedger.read(journal);
  const dropped = () => Object.fromEntries([...ledger.sources()].map(([source, counts]) => [source, counts.dropped]));
  for (let stream = 1; stream <= 3; stream++) {
    ledger.adopt(receiver.sources);
    for (const source of ["a", "b", "c"]) ledger.dropped(source, 10);
    receiver.take(ledger.takeUntold());
    expect(receiver.dropped.get("a")).toBe(10n * BigInt(stream));
    expect(receiver.dropped.get(OTHER_SOURCES)).toBe(20n * BigInt(stream));
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
  receiver.take([{ source: "b", points: 5n }]);
  const ledger = await DeliveryLedger.read(new MemoryJournal());
  for (const source of ["a", "b", "c"]) ledger.dropped(source, 10);
  ledger.adopt(receiver.sources);
  const told = ledger.takeUntold().map(({ source, points }) => [source, points]);
  expect(told).toEqual([[OTHER_SOURCES, 25n]]);
});
