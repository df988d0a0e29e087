import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { StraightLine, type ExchangeInit } from "../../src/cluster/live/straight-line.ts";
import { LiveExchangeSchema, SeriesNamedSchema, type SeriesNamed } from "../../src/wire/gen/nodes_pb.ts";

const MIB = 1024 * 1024;
const bitsOf = (...shards: number[]) => {
  const bits = new Uint8Array(8);
  for (const shard of shards) bits[shard >> 3] |= 1 << (shard & 7);
  return bits;
};

function lineOf() {
  const took: string[] = [];
  const named: SeriesNamed[] = [];
  const line = new StraightLine({
    nodeId: "here",
    wantedShards: () => bitsOf(1),
    async *newest(shards) {
      for (const shard of shards) yield { shard, frame: Uint8Array.of(shard) };
    },
    namesOf: (ids) => create(SeriesNamedSchema, { nodeId: "here", ids: [...ids], keys: ids.map((id) => `key ${id}`) }),
    take: (shard, frame) => void took.push(`${shard}: ${frame}`),
    onNamed: (names) => void named.push(names),
    onChanged: () => {},
  });
  const outgoing = line.outgoing();
  /** The next messages, in words. */
  const sent = async (count: number) => {
    const words: string[] = [];
    for (let i = 0; i < count; i++) words.push(wordsOf((await outgoing.next()).value as ExchangeInit));
    return words;
  };
  const hear = (message: ExchangeInit) => line.hear(create(LiveExchangeSchema, message));
  return { line, took, named, sent, hear, outgoing };
}

function wordsOf({ nodeId, wantedShards, shard, frame, named }: ExchangeInit): string {
  if (frame !== undefined) return `frame of ${shard}, ${frame.length} bytes`;
  if (named !== undefined) return `names ${named.keys?.join(", ")}`;
  return `${nodeId} wants ${wantedShards}`;
}

test("each side says who it is and what it wants; the newest values of that come before what comes later", async () => {
  const { line, took, sent, hear } = lineOf();
  expect(() => hear({ wantedShards: bitsOf(2) })).toThrow("node_id");
  hear({ nodeId: "there", wantedShards: bitsOf(2, 5) });
  expect([line.otherId, line.wanted[2], line.wanted[1]]).toEqual(["there", 1, 0]);
  expect(await sent(3)).toEqual([`here wants ${bitsOf(1)}`, "frame of 2, 1 bytes", "frame of 5, 1 bytes"]);
  expect(line.send(2, new Uint8Array(10))).toBe(true);
  hear({ wantedShards: bitsOf(2, 6) });
  expect(await sent(2)).toEqual(["frame of 2, 10 bytes", "frame of 6, 1 bytes"]);
  hear({ shard: 1, frame: Uint8Array.of(7) });
  hear({ shard: 64, frame: Uint8Array.of(8) });
  expect(took).toEqual(["1: 7"]);
});

test("names are told where they are asked for, and are those of the other node, whoever it says that they are of", async () => {
  const { named, sent, hear } = lineOf();
  hear({ nodeId: "there", unknownIds: [3, 4] });
  expect((await sent(2))[1]).toBe("names key 3, key 4");
  hear({ named: { nodeId: "another", ids: [1], keys: ["k"] } });
  expect(named.map(({ nodeId, ids }) => [nodeId, ids])).toEqual([["there", [1]]]);
});

test("a question is answered by its names, or by the end; a line over which nothing comes ends", async () => {
  const { line, hear } = lineOf();
  hear({ nodeId: "there" });
  let answered = 0;
  const asked = [line.ask([1]), line.ask([2])].map((answer) => answer.then(() => answered++));
  hear({ named: { ids: [1], keys: ["k"] } });
  await asked[0];
  expect(answered).toBe(1);
  for (let i = 0; i < 4; i++) line.beat();
  hear({});
  for (let i = 0; i < 4; i++) line.beat();
  expect([line.isOpen, answered]).toEqual([true, 1]);
  line.beat();
  await asked[1];
  expect([line.isOpen, answered]).toEqual([false, 2]);
  await line.ask([3]);
});

test("what finds no room is left out, and its newest values are sent between what waits; an ended line sends nothing", async () => {
  const { line, sent, hear, outgoing } = lineOf();
  hear({ nodeId: "there", wantedShards: bitsOf(2) });
  await sent(2);
  const isSent = Array.from({ length: 20 }, () => line.send(2, new Uint8Array(MIB)));
  expect(isSent.filter(Boolean)).toHaveLength(16);
  const words = await sent(17);
  expect(words.filter((each) => each === `frame of 2, ${MIB} bytes`)).toHaveLength(16);
  expect(words).toContain("frame of 2, 1 bytes");
  expect(line.send(2, new Uint8Array(MIB))).toBe(true);
  line.end();
  expect([line.send(2, new Uint8Array(1)), (await outgoing.next()).done]).toEqual([false, true]);
});
