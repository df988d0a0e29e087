/** What one principal may bring of nodes that forward, and what stays for others. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { BEHIND_MAX, helloOf } from "../../../src/ingestion/forwarding/hello.ts";
import { Origins, type OriginStream } from "../../../src/ingestion/forwarding/origins.ts";
import { checkShare } from "../../../src/ingestion/forwarding/owner-share.ts";
import { ForwardedSchema } from "../../../src/wire/gen/forwarding_pb.ts";
import { createRig } from "../rig.ts";
import { hello } from "./sender.ts";

const [ANN, BOB] = ["ann", "bob"].map((name) => ({ name, via: "token" }));
const stream = (): OriginStream => ({ lane: "live", session: 1, isOver: false, end() {}, settled: Promise.resolve() });

test("a quarter of all nodes is one principal's at most; known ones come again, others go on", async () => {
  const rig = createRig();
  const origins = new Origins(rig.journal, rig.clock, { origins: 8 });
  const enter = (originId: string, by?: typeof ANN, session = 1n) =>
    origins.enter(helloOf(create(ForwardedSchema, hello({ originId, session })), "centre"), stream(), by);
  await enter("a-1", ANN);
  await enter("a-2", ANN);
  const refused = enter("a-3", ANN);
  await expect(refused).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  await expect(refused).rejects.toThrow('"ann" (token) has brought as many as one principal may: 2 nodes');
  await enter("a-1", ANN, 2n);
  await enter("b-1", BOB);
  expect((await origins.all()).map(({ id }) => id).sort()).toEqual(["a-1", "a-2", "b-1"]);
  // Where nobody is asked who they are all share what there is.
  for (const id of ["c-1", "c-2", "c-3", "c-4", "c-5"]) await enter(id);
  await expect(enter("c-6")).rejects.toThrow("8 nodes have forwarded to this one already");
});

test("so is what it names behind them", () => {
  const named = (id: string, count: number, owner = ANN) => {
    return { id, owner, behind: Array.from({ length: count }, (_, i) => `${id}-${i}`) };
  };
  const limits = { max: 8, behindMax: BEHIND_MAX };
  const all = [named("a-1", 20_000), named("b-1", 24_000, BOB)];
  checkShare(all, named("a-2", 5_000), ANN, limits);
  // What it named before does not count beside what it names now.
  checkShare(all, named("a-1", 25_000), ANN, limits);
  expect(() => checkShare(all, named("a-2", 5_001), ANN, limits)).toThrow("25000 nodes behind those that it brings");
  checkShare(all, named("c-1", 50_000), undefined, limits);
});
