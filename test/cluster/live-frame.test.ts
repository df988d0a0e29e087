/** Frames between nodes, written by hand: as the generated code writes and reads them. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { decodeLiveFrame, encodeLiveFrame, liveFrameHead } from "../../src/cluster/live/live-frame.ts";
import { ShardRows } from "../../src/cluster/live/shard-rows.ts";
import { LiveFrameSchema } from "../../src/wire/gen/nodes_pb.ts";
import { randomOf } from "../support/random.ts";

const FACTS = { nodeId: "n", startedAtMs: 1_700_000_000_000, shardSeq: 7, arrivalMs: 1_700_000_000_123 };

function framed({ nodeId, startedAtMs, ...facts }: typeof FACTS, rows: ShardRows): Uint8Array {
  return encodeLiveFrame(liveFrameHead({ nodeId, startedAtMs }), facts, rows);
}

test("frames come out as they went in, and what is none is none", () => {
  const rows = new ShardRows();
  for (let i = 0; i < 1_000; i++) rows.add(4_000_000_000 - i, 1.7e15 + i, i === 5 ? -0 : i / 3);
  const bytes = framed(FACTS, rows);
  const frame = decodeLiveFrame(bytes)!;
  expect(frame).toMatchObject({ ...FACTS, count: 1_000 });
  expect([frame.seriesIds[999], frame.timesUs[999], frame.values[4], Object.is(frame.values[5], -0)]).toEqual([
    ...[3_999_999_001, 1.7e15 + 999, 4 / 3, true],
  ]);
  rows.clear();
  expect(decodeLiveFrame(framed(FACTS, rows))).toMatchObject({ count: 0 });
  expect(decodeLiveFrame(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
  expect(decodeLiveFrame(Uint8Array.of(0x2a, 2, 1, 2))).toBeUndefined();
});

test("the generated code writes and reads the same, wherever the bytes lie", () => {
  const random = randomOf(3);
  for (let round = 0; round < 200; round++) {
    const rows = new ShardRows();
    const count = [0, 1, 2, 7, 8, 9, 700][round % 7];
    for (let i = 0; i < count; i++)
      rows.add(Math.floor(random() * 2 ** 32), Math.floor(random() * 2e15), random() - 0.5);
    const upTo = (most: number) => (random() < 0.2 ? 0 : Math.floor(random() ** 4 * most));
    const facts = {
      ...{ nodeId: random() < 0.2 ? "" : "hall-\u00fc-".repeat(1 + round / 8), startedAtMs: upTo(2 ** 53) },
      ...{ shardSeq: upTo(2 ** 53), arrivalMs: upTo(2 ** 42) },
    };
    const bytes = framed(facts, rows);
    const [seriesIds, timesUs, values] = rows.columns.map((column) => column.slice());
    const [startedAtMs, shardSeq, arrivalMs] = [facts.startedAtMs, facts.shardSeq, facts.arrivalMs].map(BigInt);
    const message = { nodeId: facts.nodeId, startedAtMs, shardSeq, arrivalMs, seriesIds, timesUs, values };
    expect(bytes).toEqual(toBinary(LiveFrameSchema, create(LiveFrameSchema, message)));
    expect(fromBinary(LiveFrameSchema, bytes)).toEqual(create(LiveFrameSchema, message));
    const moved = new Uint8Array(bytes.length + 9);
    moved.set(bytes, 5);
    const frame = decodeLiveFrame(moved.subarray(5, 5 + bytes.length))!;
    expect(frame).toMatchObject({ ...facts, count });
    const wanted = rows.rows;
    expect(frame.seriesIds).toEqual(wanted.seriesIds);
    expect(frame.timesUs).toEqual(wanted.timesUs.slice(0, count));
    expect(frame.values).toEqual(wanted.values.slice(0, count));
  }
});

test("what a later version has more is passed over, and damaged bytes make no frame or one of equal columns", () => {
  const rows = new ShardRows();
  for (let i = 0; i < 40; i++) rows.add(i, i, i);
  const bytes = framed(FACTS, rows);
  const later = [
    ...bytes,
    ...[0x98, 0x06, 0x85, 0x01],
    ...[0xa2, 0x06, 0x02, 1, 2],
    ...[0xa9, 0x06],
    ...new Uint8Array(8),
  ];
  expect(decodeLiveFrame(Uint8Array.from([...later, 0xb5, 0x06, 0, 0, 0, 0]))).toMatchObject({ ...FACTS, count: 40 });
  const random = randomOf(5);
  for (let round = 0; round < 2_000; round++) {
    const damaged = bytes.slice(0, random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length));
    damaged[Math.floor(random() * Math.min(damaged.length, 60))] ^= 1 << Math.floor(random() * 8);
    const frame = decodeLiveFrame(damaged);
    if (frame === undefined) continue;
    expect([frame.seriesIds.length, frame.timesUs.length, frame.values.length]).toEqual(Array(3).fill(frame.count));
  }
});
