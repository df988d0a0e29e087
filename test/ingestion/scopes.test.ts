/** Points of those who may send some of them only, over a log in memory. */
import { describe, expect, test } from "bun:test";
import { scopeOf, type Scope } from "../../src/model/access.ts";
import { ingestionMethods } from "../../src/ingestion/service.ts";
import type { BatchAck, UploadResponse } from "../../src/wire/gen/ingestion_pb.ts";
import { randomOf } from "../support/random.ts";
import { batchBytes, contextOf, createRig, pointsOf, turns, type BatchInit } from "./rig.ts";

type Rig = ReturnType<typeof createRig>;

const EPOCH_S = 1_700_000_000n;
const scope = (patterns: Partial<Record<"sources" | "devices" | "sites", string[]>>) => {
  return scopeOf({ sources: [], devices: [], sites: [], ...patterns });
};
const point = (value: number, tags: Readonly<Record<string, string>> = {}, metricName = "m") => {
  return { metricName, value, tags, timestamp: { seconds: EPOCH_S + BigInt(value), nanos: 0 } };
};

async function* streamOf(batches: readonly BatchInit[]): AsyncIterable<Uint8Array> {
  for (const batch of batches) yield batchBytes(batch);
}

const WAYS = {
  async UploadData(rig: Rig, batches: readonly BatchInit[], given?: Scope) {
    const [upload] = ingestionMethods(rig.deps);
    const answer = (await upload.run(streamOf(batches) as never, contextOf(undefined, given))) as UploadResponse;
    const reasons = answer.errors.map((text) => text.replace(/^batch \d+, point \d+: /, ""));
    return { stored: answer.pointsProcessed, refused: answer.pointsFailed, reasons };
  },
  async StreamData(rig: Rig, batches: readonly BatchInit[], given?: Scope) {
    const [, stream] = ingestionMethods(rig.deps);
    const all = { stored: 0, refused: 0, reasons: [] as string[] };
    const acks = stream.run(streamOf(batches) as never, contextOf(undefined, given)) as AsyncIterable<BatchAck>;
    for await (const { pointsProcessed, pointsFailed, refused } of acks) {
      Object.assign(all, { stored: Number(pointsProcessed), refused: Number(pointsFailed) });
      all.reasons.push(...refused!.map(({ reason }) => reason!));
    }
    return all;
  },
  async UploadBatch(rig: Rig, batches: readonly BatchInit[], given?: Scope) {
    const [, , unary] = ingestionMethods(rig.deps);
    const all = { stored: 0, refused: 0, reasons: [] as string[] };
    for (const batch of batches) {
      const ack = (await unary.run(batchBytes(batch) as never, contextOf(undefined, given))) as BatchAck;
      all.stored += Number(ack.pointsProcessed);
      all.refused += Number(ack.pointsFailed);
      all.reasons.push(...ack.refused.map(({ reason }) => reason));
    }
    return all;
  },
};

for (const [name, send] of Object.entries(WAYS)) {
  describe(name, () => {
    test("takes what is in scope, and refuses the rest of a batch by name", async () => {
      const rig = createRig();
      const batch = { source: "gw-1", points: [point(1, { device: "pump" }), point(2, { device: "fan" }), point(3)] };
      const batches = [batch, { source: "gw-2", points: [point(4)] }];
      const taken = await send(rig, batches, scope({ devices: ["pump", "gw-2"] }));
      const wanted = 'which is out of the scope of "test"; wanted devices gw-2, pump';
      expect(taken).toEqual({
        stored: 2,
        refused: 2,
        reasons: [`device is "fan" and source is "gw-1", ${wanted}`, `source is "gw-1", ${wanted}`],
      });
      await turns();
      expect(pointsOf(rig.log.synced)).toEqual([
        `m gw-1 device pump@${EPOCH_S + 1n}000000=1`,
        `m gw-2@${EPOCH_S + 4n}000000=4`,
      ]);
      const { values } = await rig.metrics.refusedPoints.get();
      expect(values).toMatchObject([{ labels: { reason: "out_of_scope" }, value: 2 }]);
    });

    test("answers the same whether there is such a series already, and makes none known that is out of scope", async () => {
      const rig = createRig();
      const berlin = scope({ sites: ["berlin"] });
      rig.move("pump", "hamburg");
      const batch = { source: "gw", points: [point(1, { device: "pump", site: "berlin" })] };
      const before = await send(rig, [batch], berlin);
      expect([before.refused, rig.registry.count]).toEqual([1, 0]);
      expect(await send(rig, [batch])).toMatchObject({ stored: 1, refused: 0 });
      // Its bytes are known now.
      const reasons = [before.reasons[0], before.reasons[0]];
      expect(await send(rig, [batch, batch], berlin)).toEqual({ ...before, refused: 2, reasons });
      expect(before.reasons.join()).not.toContain("hamburg");
    });

    test("follows when a device moves", async () => {
      const rig = createRig();
      const given = scope({ sites: ["berlin"], sources: ["gw"] });
      const batch = { source: "gw", points: [point(1, { device: "pump" })] };
      expect(await send(rig, [batch], given)).toMatchObject({ stored: 0, refused: 1 });
      rig.move("pump", "berlin");
      expect(await send(rig, [batch], given)).toMatchObject({ stored: 1, refused: 0 });
      rig.move("pump", "hamburg");
      expect(await send(rig, [batch], given)).toMatchObject({ stored: 0, refused: 1 });
      expect(await send(rig, [batch], scope({ sites: ["hamburg"], sources: ["other"] }))).toMatchObject({ stored: 0 });
    });

    test("what is wrong by itself is refused for that", async () => {
      const rig = createRig();
      const points = [point(1, {}, "no name"), { ...point(2), value: NaN }];
      const { reasons } = await send(rig, [{ source: "gw", points }], scope({ sources: ["gw"] }));
      expect(reasons).toEqual([
        `metric_name is "no name"; wanted letters, digits, '_' and '.' only`,
        "value is NaN; wanted a finite number",
      ]);
      const { values } = await rig.metrics.refusedPoints.get();
      expect(values.map(({ labels }) => labels["reason"]).sort()).toEqual(["bad_series", "not_finite"]);
    });
  });
}

test("a stream that is open follows when a device moves", async () => {
  const rig = createRig();
  const [, stream] = ingestionMethods(rig.deps);
  const wanted = Promise.withResolvers<void>();
  const batch = batchBytes({ source: "gw", points: [point(1, { device: "pump" })] });
  async function* batches() {
    yield batch;
    await wanted.promise;
    yield batch;
  }
  const acks: BatchAck[] = [];
  const reading = (async () => {
    const context = contextOf(undefined, scope({ sites: ["berlin"] }));
    for await (const ack of stream.run(batches() as never, context) as AsyncIterable<BatchAck>) acks.push({ ...ack });
  })();
  await turns();
  expect(acks).toMatchObject([{ pointsProcessed: 0n, pointsFailed: 1n }]);
  rig.move("pump", "berlin");
  wanted.resolve();
  await reading;
  expect(acks.at(-1)).toMatchObject({ pointsProcessed: 1n, pointsFailed: 1n });
});

test("who may send few of what is in use cannot use up the series there may be", async () => {
  const rig = createRig({ seriesMax: 2 });
  const points = Array.from({ length: 100 }, (_, i) => point(i, { of: String(i) }));
  await WAYS.UploadData(rig, [{ source: "other", points }], scope({ sources: ["gw"] }));
  const few = [{ source: "gw", points: points.slice(0, 2) }];
  expect(await WAYS.UploadData(rig, few)).toMatchObject({ stored: 2, refused: 0 });
});

for (let seed = 1; seed <= 6; seed++) {
  test(`what is stored is what is left of everything (seed ${seed})`, async () => {
    const random = randomOf(seed);
    const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
    const [names, sites] = [
      ["a", "b", "ab"],
      ["", "x", "y"],
    ];
    const some = (of: readonly string[]) => of.filter((text) => text !== "" && random() < 0.4);
    const rig = createRig({ seriesMax: 100_000, seriesPerSourceMax: 100_000 });
    const registered = new Map<string, string>();
    const expected: number[] = [];
    const counts = { stored: 0, refused: 0 };
    let value = 0;
    for (let step = 0; step < 150; step++) {
      if (random() < 0.2) {
        const [device, site] = [any(names), any(sites)];
        registered.set(device, site);
        rig.move(device, site);
      }
      const given = scope({ sources: some(names), devices: some(names), sites: some(sites) });
      const source = any(names);
      const points = Array.from({ length: 1 + Math.floor(4 * random()) }, () => {
        const tags = { ...(random() < 0.6 && { device: any(names) }), ...(random() < 0.5 && { site: any(sites) }) };
        return point(++value, tags, any(["m", "n"]));
      });
      const taken = await any(Object.values(WAYS))(rig, [{ source, points }], given);
      for (const { value: one, tags } of points) {
        const { device = source, site = "" } = tags as { readonly device?: string; readonly site?: string };
        const isTaken = given.takes({ source, device, site: registered.get(device) || site });
        if (isTaken) expected.push(one);
        counts[isTaken ? "stored" : "refused"]++;
      }
      expect(taken.stored + taken.refused).toBe(points.length);
    }
    await turns();
    expect(pointsOf(rig.log.synced).map((text) => Number(text.split("=").at(-1)))).toEqual(expected);
    const { values } = await rig.metrics.refusedPoints.get();
    expect(values).toMatchObject([{ labels: { reason: "out_of_scope" }, value: counts.refused }]);
    expect(expected.length).toBe(counts.stored);
  });
}
