/** Whose a node that forwards is: that of the principal who brought it first, whoever else knows its id. */
import { expect, test } from "bun:test";
import { helloOf } from "../../../src/ingestion/forwarding/hello.ts";
import { handOverOriginMethod } from "../../../src/ingestion/forwarding/origin-deliveries.ts";
import type { OriginOwner } from "../../../src/ingestion/forwarding/origin-owner.ts";
import { Origins, type OriginStream } from "../../../src/ingestion/forwarding/origins.ts";
import { commandsOf } from "../../../src/wire/call-method.ts";
import { create } from "@bufbuild/protobuf";
import { ForwardedSchema } from "../../../src/wire/gen/forwarding_pb.ts";
import { DataIngestion } from "../../../src/wire/gen/ingestion_pb.ts";
import type { Principal } from "../../../src/wire/service.ts";
import { contextOf, createRig } from "../rig.ts";
import { hello, part, Sender, SERIES, settle } from "./sender.ts";

const tokenOf = (name: string, via = "token"): Partial<Principal> => ({ name, via, isAuthenticated: true });
const helloInSession = (session: number) =>
  helloOf(create(ForwardedSchema, hello({ session: BigInt(session) })), "centre");
const endless = (): OriginStream => ({ lane: "live", session: 1, isOver: false, end() {}, settled: Promise.resolve() });
const GATEWAY_7 = tokenOf("gateway-7");

test("whoever knows a node's id cannot enter as it: nothing ends, is told, or counts as sent", async () => {
  const rig = createRig();
  const real = new Sender(rig, hello(), GATEWAY_7).send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
  await settle(rig);
  const attack = new Sender(rig, hello({ session: 9n, sinceSession: 9n }), tokenOf("gateway-8"));
  attack.send(part(2, 1_000, []));
  await settle(rig);
  real.send(part(2, 3, [[7, 200, 2]]));
  await settle(rig);
  expect([attack.acks, attack.failure?.status]).toEqual([[], "FAILED_PRECONDITION"]);
  expect(real).toMatchObject({ committed: ["1-2", "2-3"], isOver: false });
  const [origin] = await new Origins(rig.journal, rig.clock).all();
  expect(origin).toMatchObject({ session: 1, committed: [[1, 3]] });
});

test("its own token goes on, also one of the same name that replaces it, and over a restart; a name proven otherwise is another one", async () => {
  const rig = createRig();
  await rig.deps.forwarding.origins.enter(helloInSession(1), endless(), { name: "gateway-7", via: "token" });
  const origins = new Origins(rig.journal, rig.clock);
  const enter = (session: number, by?: OriginOwner) => {
    return origins.enter(helloInSession(session), endless(), by);
  };
  await enter(2, { name: "gateway-7", via: "token" });
  const refused = enter(3, { name: "gateway-7", via: "certificate" });
  await expect(refused).rejects.toThrow(
    'node edge-1 was brought here by another principal than "gateway-7" (certificate), and goes on with that one\'s credential alone; where ' +
      "it has a new one, either that gets the name of the old one, or an admin of this server says: " +
      'watchpost upstream hand-over edge-1 --to "gateway-7" --via certificate',
  );
  await expect(refused).rejects.toMatchObject({ status: "FAILED_PRECONDITION" });
  // Where nobody is asked any more nothing is held against anybody, and it stays whose it is.
  await enter(3);
  expect((await new Origins(rig.journal, rig.clock).all())[0].owner).toEqual({ name: "gateway-7", via: "token" });
});

test("a node that is known from before somebody was asked is the first one's who brings it", async () => {
  const rig = createRig();
  new Sender(rig).end();
  await settle(rig);
  const first = new Sender(rig, hello({ session: 2n }), GATEWAY_7);
  await settle(rig);
  const other = new Sender(rig, hello({ session: 3n }), tokenOf("gateway-8"));
  await settle(rig);
  expect([first.acks.length, other.acks.length, other.failure?.status]).toEqual([1, 0, "FAILED_PRECONDITION"]);
});

test("an admin hands it over: what is open ends, and the other one goes on where it was", async () => {
  const told: string[] = [];
  const rig = createRig();
  const origins = new Origins(rig.journal, rig.clock, {}, (sentence) => void told.push(sentence));
  const own = { ...rig, deps: { ...rig.deps, forwarding: { ...rig.deps.forwarding, origins } } };
  const old = new Sender(own, hello(), GATEWAY_7).send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
  await settle(rig);
  const certificate = tokenOf("hall-3", "certificate");
  for (let i = 0; i < 3; i++) new Sender(own, hello({ session: 2n }), certificate);
  await settle(rig);
  expect(told).toEqual([
    '"hall-3" (certificate) was refused as node "Hall 3" (edge-1), which is brought by "gateway-7" (token)',
  ]);
  const command = commandsOf([handOverOriginMethod(origins)]);
  const handOver = (to: string, via = "") => {
    return command(DataIngestion.method.handOverOrigin, { origin: "Hall 3", to, via }, contextOf());
  };
  await expect(handOver("hall-3", "password")).rejects.toThrow(
    'via is "password"; wanted "token", "jwt", "certificate"',
  );
  await expect(handOver("")).rejects.toThrow('to is ""; wanted the name of a token');
  const { origin } = await handOver("hall-3", "certificate");
  expect(origin).toMatchObject({ originId: "edge-1", owner: "hall-3", ownerVia: "certificate" });
  await settle(rig);
  expect(old.failure).toMatchObject({ status: "FAILED_PRECONDITION" });
  const next = new Sender(own, hello({ session: 3n }), certificate);
  const late = new Sender(own, hello({ session: 4n }), GATEWAY_7);
  await settle(rig);
  expect([next.committed, late.failure?.status]).toEqual([["1-2"], "FAILED_PRECONDITION"]);
  await handOver("hall-3", "certificate");
  await settle(rig);
  expect(next.isOver).toBe(false);
});

test("gateways made from one image, each with a token of its own, are told apart, and told nothing of each other", async () => {
  const { origins } = createRig().deps.forwarding;
  const enter = (name: string, session: number, ...runs: string[]) => {
    const hello = { ...helloInSession(session), runs: runs.map((id, i) => ({ id, firstSeq: 10 * i })) };
    return origins.enter(hello, endless(), { name, via: "token" });
  };
  await enter("image", 5, "a");
  await expect(enter("gateway-7", 6, "a", "b")).rejects.toMatchObject({ status: "FAILED_PRECONDITION" });
  await origins.handOver(await origins.find("edge-1"), { name: "gateway-7", via: "token" });
  await enter("gateway-7", 6, "a", "b");
  for (const [session, run] of [
    [7, "c"],
    [5, "b"],
  ] as const) {
    await expect(enter("gateway-8", session, "a", run)).rejects.toMatchObject({
      status: "ALREADY_EXISTS",
      message: "node edge-1 is not the one that was heard before under that id; was its data directory copied?",
    });
  }
});
