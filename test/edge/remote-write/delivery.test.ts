import { describe, expect, test } from "bun:test";
import { Delivery } from "../../../src/edge/remote-write/delivery.ts";
import { answerOf } from "../../../src/edge/remote-write/receiver.ts";
import { encodedLabels, type OutgoingRows } from "../../../src/edge/remote-write/write-request.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryReceiver, type Sample } from "./receiver-rig.ts";

const T0_MS = 1_800_000_000_000;

function rowsOf(points: readonly (readonly [seriesId: number, ms: number])[]): OutgoingRows {
  return {
    seriesIds: Uint32Array.from(points, ([id]) => id),
    timesUs: Float64Array.from(points, ([, ms]) => (T0_MS + ms) * 1_000),
    values: Float64Array.from(points, (_, i) => i),
  };
}

class Rig {
  readonly receiver = new MemoryReceiver();
  readonly clock = new ManualClock();
  readonly refused: { samples: number; reason: string }[] = [];
  readonly later: { reason: string; waitMs: number }[] = [];
  samples = 0;
  readonly ending = new AbortController();
  readonly delivery = new Delivery({
    receiver: this.receiver.receive,
    clock: this.clock,
    backoff: { firstMs: 100, maxMs: 1_000 },
    random: () => 1,
    labelsOf: (id) => encodedLabels([["__name__", `m${id}`]]),
    onTaken: ({ samples }) => (this.samples += samples),
    onRefused: (samples, reason) => this.refused.push({ samples, reason }),
    onLater: (reason, waitMs) => {
      this.later.push({ reason, waitMs });
      queueMicrotask(() => this.clock.advance(waitMs));
    },
  });

  deliver(rows: OutgoingRows): Promise<void> {
    return this.delivery.deliver(rows, Uint32Array.from(rows.seriesIds.keys()), this.ending.signal);
  }

  get refusedSamples(): number {
    return this.refused.reduce((sum, { samples }) => sum + samples, 0);
  }
}

const isBad = ({ value }: Sample) => value === 37 || value === 38;

describe("what is refused", () => {
  test("is halved until the samples are found that it is about", async () => {
    const rig = new Rig();
    rig.receiver.judge = (samples) =>
      samples.some(isBad) ? { kind: "refused", reason: "HTTP 400: bad value" } : undefined;
    await rig.deliver(rowsOf(Array.from({ length: 100 }, (_, i) => [i % 5, i])));
    expect(rig.receiver.taken.map(({ value }) => value).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i).filter((i) => i !== 37 && i !== 38),
    );
    expect(rig.refused).toEqual([
      { samples: 1, reason: "HTTP 400: bad value" },
      { samples: 1, reason: "HTTP 400: bad value" },
    ]);
    expect(rig.receiver.requests).toBeLessThan(32);
  });

  test("is given up for no wrong address: what refuses an empty request is waited for", async () => {
    const rig = new Rig();
    let asked = 0;
    rig.receiver.judge = () => (++asked < 6 ? { kind: "refused", reason: "HTTP 400: unsupported path" } : undefined);
    await rig.deliver(
      rowsOf([
        [1, 0],
        [1, 1],
      ]),
    );
    expect(rig.refused).toEqual([]);
    expect(rig.samples).toBe(2);
    expect(rig.later[0].reason).toContain("is the address right?");
  });
});

describe("what is out of order", () => {
  test("is asked for a few times, not sample by sample, and what is in order goes on", async () => {
    const rig = new Rig();
    rig.receiver.inOrderOnly();
    await rig.deliver(rowsOf(Array.from({ length: 20 }, (_, i) => [i, 10_000])));
    const late = Array.from({ length: 1_000 }, (_, i): [number, number] => [i % 10, i]);
    const fresh = Array.from({ length: 10 }, (_, i): [number, number] => [i, 20_000]);
    await rig.deliver(rowsOf([...late, ...fresh]));
    expect(rig.refusedSamples).toBe(1_000);
    expect(rig.samples).toBe(30);
    expect(rig.receiver.requests).toBeLessThan(20);
    const before = rig.receiver.requests;
    await rig.deliver(rowsOf([...late, [3, 30_000]]));
    expect(rig.receiver.requests - before).toBeLessThan(5);
    expect(rig.samples).toBe(31);
  });

  test("within the receiver's window all of it is taken", async () => {
    const rig = new Rig();
    rig.receiver.inOrderOnly(5_000);
    await rig.deliver(
      rowsOf([
        [1, 10_000],
        [2, 10_000],
      ]),
    );
    await rig.deliver(rowsOf(Array.from({ length: 100 }, (_, i) => [1 + (i % 2), i * 100])));
    const taken = new Set(rig.receiver.taken.map(({ timeMs }) => timeMs - T0_MS));
    for (let ms = 5_000; ms < 10_000; ms += 100) expect(taken.has(ms)).toBe(true);
    expect(rig.samples + rig.refusedSamples).toBe(102);
  });

  test("what came already, as after a kill, costs nothing that is new", async () => {
    const rig = new Rig();
    rig.receiver.inOrderOnly();
    const points = Array.from({ length: 64 }, (_, i): [number, number] => [i % 4, i]);
    await rig.deliver(rowsOf(points.slice(0, 40)));
    const again = new Rig();
    again.receiver.taken.push(...rig.receiver.taken);
    again.receiver.inOrderOnly();
    await again.deliver(rowsOf(points));
    const times = new Set(again.receiver.taken.map(({ timeMs }) => timeMs - T0_MS));
    expect(times.size).toBe(64);
  });
});

describe("what may be mended", () => {
  test("is tried for ever, with pauses that grow, as long as the receiver asks for", async () => {
    const rig = new Rig();
    const answers = [
      answerOf(503, null, "", 0),
      answerOf(429, "7", "slow down", 0),
      answerOf(500, null, "", 0),
      answerOf(401, null, "who?", 0),
      answerOf(302, null, "", 0),
    ];
    let asked = 0;
    rig.receiver.judge = () => answers[asked++];
    await rig.deliver(rowsOf([[1, 0]]));
    expect(rig.samples).toBe(1);
    expect(rig.later.map(({ waitMs }) => waitMs)).toEqual([100, 7_000, 400, 800, 1_000]);
    expect(rig.later[1].reason).toBe("HTTP 429: slow down");
  });

  test("ends where nobody waits for it any more", async () => {
    const rig = new Rig();
    rig.receiver.judge = () => {
      rig.ending.abort();
      return { kind: "later", reason: "HTTP 503", retryAfterMs: 0 };
    };
    await rig.deliver(rowsOf([[1, 0]]));
    expect(rig.samples).toBe(0);
    expect(rig.refused).toEqual([]);
  });
});

test("a receiver says when to come again in seconds or as a date, and not for ever", () => {
  const now = Date.UTC(2026, 0, 1);
  const wait = (given: string | null) => {
    const answer = answerOf(503, given, "", now);
    return answer.kind === "later" ? answer.retryAfterMs : undefined;
  };
  expect(wait("30")).toBe(30_000);
  expect(wait("Thu, 01 Jan 2026 00:01:00 GMT")).toBe(60_000);
  expect(wait("Thu, 01 Jan 2020 00:01:00 GMT")).toBe(0);
  expect(wait("soon")).toBe(0);
  expect(wait("999999999")).toBe(3_600_000);
  expect([204, 200, 400, 413, 422, 404, 403].map((status) => answerOf(status, null, "", now).kind)).toEqual([
    ...["taken", "taken", "refused", "refused", "refused", "later", "later"],
  ] as never);
});
