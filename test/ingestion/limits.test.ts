/** Senders that send more than they may: refused by batch and by name, what was acked before stays, and others go on. */
import { expect, test } from "bun:test";
import { Limits, type LimitSettings } from "../../src/access/limits.ts";
import { ingestionMethods } from "../../src/ingestion/service.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { BatchAck, UploadResponse } from "../../src/wire/gen/ingestion_pb.ts";
import { UNLIMITED } from "../access/rig.ts";
import { batchBytes, contextOf, createRig, pointsOf } from "./rig.ts";

const ANN = { isAuthenticated: true, name: "ann" };
const BOB = { isAuthenticated: true, name: "bob" };

function open(settings: Partial<LimitSettings>, rigOptions: Parameters<typeof createRig>[0] = {}) {
  const rig = createRig(rigOptions);
  const limits = new Limits({ settings: { ...UNLIMITED, ...settings }, clock: rig.clock, onLimited: () => {} });
  const [upload, stream, unary] = ingestionMethods(rig.deps);
  const contextFor = (who: typeof ANN) => ({ ...contextOf(), allowance: limits.allowanceOf(who, "10.0.0.9") });
  return {
    rig,
    upload: (batches: AsyncIterable<Uint8Array>, who = ANN) =>
      upload.run(batches as never, contextFor(who)) as Promise<UploadResponse>,
    stream: (batches: AsyncIterable<Uint8Array>, who = ANN) =>
      stream.run(batches as never, contextFor(who)) as AsyncIterable<BatchAck>,
    unary: (batch: Uint8Array, who = ANN) => unary.run(batch as never, contextFor(who)) as Promise<BatchAck>,
  };
}

function batch(points: number, metricName = "m") {
  return batchBytes({
    source: "s",
    points: Array.from({ length: points }, (_, i) => ({
      metricName,
      value: i,
      timestamp: { seconds: 1_700_000_000n + BigInt(i), nanos: 0 },
    })),
  });
}

async function* of(...batches: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* batches;
}

test("points a second: the batch after those that are too many is refused, and taken when it comes again later", async () => {
  const { rig, unary } = open({ points_per_second: 10 });
  await unary(batch(150));
  await expect(unary(batch(1))).rejects.toMatchObject({
    status: "RESOURCE_EXHAUSTED",
    message: '"ann" sends more points than it may (limits.points_per_second is 10); try again in 5.1s',
    retryAfterMs: 5_100,
  });
  expect(await unary(batch(1), BOB)).toMatchObject({ pointsProcessed: 1n });
  rig.clock.advance(5_100);
  expect(await unary(batch(1))).toMatchObject({ pointsProcessed: 1n });
});

test("points a second: what a stream sent before is acked, then it ends and says why", async () => {
  const { rig, stream } = open({ points_per_second: 1 });
  const acks: BatchAck[] = [];
  let failure: unknown;
  try {
    for await (const ack of stream(of(batch(8), batch(8), batch(8)))) acks.push(ack);
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(WatchpostError);
  expect(failure).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 7_000 });
  expect(acks.at(-1)).toMatchObject({ batches: 2n, pointsProcessed: 16n });
  expect(pointsOf(rig.log.synced)).toHaveLength(16);
});

test("messages a second: batches of a stream count, the first is the call itself", async () => {
  const { upload } = open({ messages_per_second: 1 });
  expect(await upload(of(...Array.from({ length: 11 }, () => batch(1))))).toMatchObject({ pointsProcessed: 11 });
  const more = upload(of(batch(1), batch(1)));
  await expect(more).rejects.toMatchObject({
    status: "RESOURCE_EXHAUSTED",
    message: expect.stringContaining("(limits.messages_per_second is 1)"),
  });
});

test("new series an hour: points of known series are taken, those that would be new are refused by name", async () => {
  const { rig, unary, stream } = open({ new_series_per_hour: 2 });
  for (const name of ["a", "b"]) await unary(batch(1, name));
  const both = batchBytes({
    source: "s",
    points: ["a", "c"].map((metricName) => ({
      metricName,
      value: 1,
      timestamp: { seconds: 1_700_000_100n, nanos: 0 },
    })),
  });
  const reason =
    'would be a new series: "ann" has made as many series as it may (limits.new_series_per_hour is 2); try again in 30m';
  expect(await Array.fromAsync(stream(of(both)))).toMatchObject([
    { pointsProcessed: 1n, pointsFailed: 1n, refused: [{ pointIndex: 1, reason }] },
  ]);
  await expect(unary(both)).rejects.toMatchObject({
    status: "RESOURCE_EXHAUSTED",
    message: `1 points were refused, 1 are stored: point 1 ${reason}`,
    retryAfterMs: 1_800_000,
  });
  const { values } = await rig.metrics.refusedPoints.get();
  expect(values).toMatchObject([{ labels: { reason: "too_many_new_series" }, value: 2 }]);
  expect(await unary(batch(1, "c"), BOB)).toMatchObject({ pointsProcessed: 1n });
  // Bob has made it: it is known now.
  expect(await unary(batch(1, "c"))).toMatchObject({ pointsProcessed: 1n });
  rig.clock.advance(1_800_000);
  expect(await unary(batch(1, "d"))).toMatchObject({ pointsProcessed: 1n });
  expect(rig.registry.count).toBe(4);
});
