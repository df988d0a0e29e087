/**
 * Simulated outages at random instants: streams are cut, either end is killed, messages arrive late, the receiver's disk takes
 * its time, its journal fails. Afterwards every point is upstream once, as it stands at the sender, and both ledgers say the same.
 */
import { expect, test } from "bun:test";
import { randomOf } from "../../support/random.ts";
import type { UpstreamOptions } from "../../../src/edge/upstream/upstream-options.ts";
import { createPair, type Row } from "./rig.ts";

const OUTAGES = 50;
const T = Date.UTC(2025, 11, 31) * 1_000;

interface Scenario {
  readonly seed: number;
  /** Every point has a time of its own: the ledgers count exactly what was committed. */
  readonly isUnique: boolean;
  /** Microseconds between two times of points. */
  readonly everyUs?: number;
  readonly options?: Partial<UpstreamOptions>;
}

async function run({ seed, isUnique, everyUs = 1, options }: Scenario) {
  const random = randomOf(seed);
  const chanceOf = (share: number) => random() < share;
  const below = (end: number) => Math.floor(random() * end);
  const pair = await createPair(options);
  pair.store.hold = async () => {
    for (let i = below(4); i > 0; i--) await new Promise((resolve) => void setImmediate(resolve));
  };
  let committed = 0;
  const commit = () => {
    const rows: Row[] = [];
    for (let i = 1 + below(6); i > 0; i--) {
      const timeUs = isUnique ? T + committed : T + below(40) * everyUs;
      rows.push([1 + below(6), timeUs, committed++]);
    }
    pair.commit(rows);
  };
  const outages = [
    () => pair.cut(),
    () => pair.setReachable(false),
    () => pair.restartEdge(),
    () => pair.restartReceiver(),
    async () => {
      await pair.restartReceiver();
      await pair.restartEdge();
    },
  ];
  for (let outage = 0; outage < OUTAGES; outage++) {
    for (let step = 2 + below(8); step > 0; step--) {
      for (let i = below(4); i > 0; i--) commit();
      pair.receiver.log.held = chanceOf(0.3);
      if (!pair.receiver.log.held) pair.receiver.log.sync();
      pair.receiver.journal.failure = chanceOf(0.1) ? new Error("the disk is full") : null;
      const share = random();
      await pair.pass(below(200), () => chanceOf(share));
    }
    await outages[below(outages.length)]();
    if (chanceOf(0.5)) for (let i = below(20); i > 0; i--) commit();
    if (chanceOf(0.7)) await pair.pass(below(3_000), () => chanceOf(0.7));
    pair.setReachable(true);
    if (chanceOf(0.5)) await pair.pass(2_000);
  }
  pair.receiver.journal.failure = null;
  pair.receiver.log.held = false;
  pair.receiver.log.sync();
  await pair.settle();
  return { pair, committed };
}

for (const seed of [1, 2, 3, 4, 12, 20]) {
  test(`${OUTAGES} outages, corrections and late points among what is sent: seed ${seed}`, async () => {
    const { pair } = await run({ seed, isUnique: false });
    expect(pair.received()).toEqual(pair.sent());
    const { sender, receiver } = await pair.ledgers();
    expect(sender).toEqual(receiver);
    await pair.upstream.close();
  }, 120_000);

  test(`${OUTAGES} outages, every point is counted once: seed ${seed}`, async () => {
    const { pair, committed } = await run({ seed, isUnique: true });
    expect(pair.received()).toEqual(pair.sent());
    const { sender, receiver } = await pair.ledgers();
    expect(sender).toEqual(receiver);
    const acked = (receiver as [string, number][]).reduce((sum, [, points]) => sum + points, 0);
    expect(acked).toBe(committed);
    await pair.upstream.close();
  }, 120_000);

  test(`${OUTAGES} outages, down-sampled, corrections and late points among it: seed ${seed}`, async () => {
    const options = { downSampling: { stepMs: 3_000, func: "avg" } } as const;
    const { pair } = await run({ seed, isUnique: false, everyUs: 1_000_000, options });
    const windows = new Map<string, number[]>();
    for (const point of pair.sent()) {
      const [, key, timeUs, value] = /^(.*)@(\d+)=(.*)$/.exec(point)!;
      const window = `${key}@${Math.floor(Number(timeUs) / 3_000_000) * 3_000_000}`;
      windows.set(window, [...(windows.get(window) ?? []), Number(value)]);
    }
    const averages = [...windows].map(([window, values]) => {
      return [window, values.reduce((sum, value) => sum + value, 0) / values.length] as const;
    });
    const received = new Map(pair.received().map((point) => point.split("=") as [string, string]));
    expect(received.size).toBe(averages.length);
    for (const [window, average] of averages) expect(Number(received.get(window))).toBeCloseTo(average, 9);
    const { sender, receiver } = await pair.ledgers();
    expect(sender).toEqual(receiver);
    await pair.upstream.close();
  }, 120_000);
}
