/** How many bytes one stream may have on their way to the disk: few large messages, of which each has a single point. */
import { expect, test } from "bun:test";
import { ingestionMethods } from "../../src/ingestion/service.ts";
import type { BatchAck, UploadResponse } from "../../src/wire/gen/ingestion_pb.ts";
import { batchBytes, contextOf, createRig, turns } from "./rig.ts";

const MEBIBYTE = 1024 * 1024;
const IN_FLIGHT_MAX = 64 * MEBIBYTE;

/** A batch with one point, and a field nobody knows of that makes it `size` bytes. */
function messageOf(size: number): Uint8Array {
  const batch = batchBytes({
    points: [{ metricName: "m", value: 1, timestamp: { seconds: 1_700_000_000n, nanos: 0 } }],
  });
  const padding = size - batch.length - 1 - 4;
  const message = new Uint8Array(size);
  message.set(batch);
  // Field 15, bytes, with a length in four of them.
  const length = [0, 7, 14, 21].map((shift) => ((padding >>> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
  message.set([0x7a, ...length], batch.length);
  return message;
}

/** Streams `messages` over a log that is held; `pulled` counts those that were asked for. */
function begin(messages: readonly Uint8Array[]) {
  const rig = createRig();
  rig.log.held = true;
  const state = { pulled: 0 };
  async function* source() {
    for (const message of messages) {
      // So that each is committed by itself.
      await turns(2);
      state.pulled++;
      yield message;
    }
  }
  const [upload, stream] = ingestionMethods(rig.deps);
  return {
    rig,
    state,
    upload: () => upload.run(source() as never, contextOf()) as Promise<UploadResponse>,
    stream: () => stream.run(source() as never, contextOf()) as AsyncGenerator<BatchAck>,
  };
}

test("exactly 64 MiB of a stream may be in flight, one byte more waits for the disk", async () => {
  const half = messageOf(IN_FLIGHT_MAX / 2);
  const [exact, over] = [
    [half, half, messageOf(1_000)],
    [half, messageOf(IN_FLIGHT_MAX / 2 + 1), half],
  ].map(begin);
  const uploads = [exact.upload(), over.upload()];
  await turns(30);
  // The last one that was asked for is the one that waits.
  expect([exact.state.pulled, exact.rig.budget.reservedBytes]).toEqual([3, 2 * IN_FLIGHT_MAX]);
  expect([over.state.pulled, over.rig.budget.reservedBytes]).toEqual([2, IN_FLIGHT_MAX]);
  for (const { rig } of [exact, over]) {
    rig.log.held = false;
    rig.log.sync();
  }
  for (const answer of await Promise.all(uploads))
    expect(answer).toMatchObject({ pointsProcessed: 3, pointsFailed: 0 });
  expect([exact, over].map(({ rig }) => rig.budget.reservedBytes)).toEqual([0, 0]);
});

test("what is durable makes room, message by message, and is acknowledged meanwhile", async () => {
  const message = messageOf(20 * MEBIBYTE);
  const { rig, state, stream } = begin(Array.from({ length: 6 }, () => message));
  const acks = stream();
  let acked = 0;
  const reading = (async () => {
    for await (const ack of acks) acked = Number(ack.batches);
  })();
  await turns(30);
  expect([state.pulled, acked]).toEqual([4, 0]);
  rig.log.sync(1);
  await turns(30);
  // Two of the first three are still on their way.
  expect([state.pulled, acked, rig.budget.reservedBytes]).toEqual([5, 1, 6 * message.length]);
  rig.log.held = false;
  rig.log.sync();
  await reading;
  expect([state.pulled, acked, rig.budget.reservedBytes]).toEqual([6, 6, 0]);
});

test("a message larger than the bound is taken when it is alone", async () => {
  const { rig, state, upload } = begin([messageOf(1_000), messageOf(IN_FLIGHT_MAX + 1), messageOf(1_000)]);
  const uploading = upload();
  await turns(30);
  expect(state.pulled).toBe(2);
  rig.log.sync();
  await turns(30);
  expect([state.pulled, rig.budget.reservedBytes]).toEqual([3, 2 * (IN_FLIGHT_MAX + 1)]);
  rig.log.held = false;
  rig.log.sync();
  expect(await uploading).toMatchObject({ pointsProcessed: 3 });
});
