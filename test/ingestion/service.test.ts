/** DataIngestion over a log in memory: what is counted, refused, acked, bounded. */
import { describe, expect, test } from "bun:test";
import { ingestionMethods } from "../../src/ingestion/service.ts";
import type { BatchAck, UploadResponse } from "../../src/wire/gen/ingestion_pb.ts";
import { batchBytes, contextOf, createRig, pointsOf, turns, type BatchInit } from "./rig.ts";

type Rig = ReturnType<typeof createRig>;
const EPOCH = { seconds: 1_700_000_000n, nanos: 0 };
const EPOCH_US = 1_700_000_000_000_000;

function methodsOf(rig: Rig) {
  const [upload, stream, unary] = ingestionMethods(rig.deps);
  return {
    upload: (batches: AsyncIterable<Uint8Array>, signal?: AbortSignal) =>
      upload.run(batches as never, contextOf(signal)) as Promise<UploadResponse>,
    stream: (batches: AsyncIterable<Uint8Array>, signal?: AbortSignal) =>
      (stream.run(batches as never, contextOf(signal)) as AsyncIterable<BatchAck>)[Symbol.asyncIterator](),
    unary: (batch: Uint8Array) => unary.run(batch as never, contextOf()) as Promise<BatchAck>,
  };
}

async function* streamOf(...batches: (BatchInit | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const batch of batches) yield batch instanceof Uint8Array ? batch : batchBytes(batch);
}

function points(count: number, metricName = "m") {
  return Array.from({ length: count }, (_, i) => ({
    metricName,
    value: i,
    timestamp: { seconds: 1_700_000_000n + BigInt(i), nanos: 0 },
  }));
}

describe("UploadData", () => {
  test("stores what is good and says for every bad point which it is and why", async () => {
    const rig = createRig();
    const now = BigInt(rig.clock.nowMs() / 1_000);
    const answer = await methodsOf(rig).upload(
      streamOf({
        batchId: "b-1",
        source: "gw",
        points: [
          { metricName: "ok", value: 1, timestamp: EPOCH },
          { metricName: "", value: 1, timestamp: EPOCH },
          { metricName: "no spaces", value: 1, timestamp: EPOCH, id: "p-7" },
          { metricName: "nan", value: NaN, timestamp: EPOCH },
          { metricName: "inf", value: -Infinity, timestamp: EPOCH },
          { metricName: "future", value: 1, timestamp: { seconds: now + 601n, nanos: 0 } },
          { metricName: "soon", value: 1, timestamp: { seconds: now + 600n, nanos: 0 } },
          { metricName: "old", value: 1, timestamp: { seconds: -1n, nanos: 0 } },
          { metricName: "nanos", value: 1, timestamp: { seconds: 5n, nanos: -1 } },
          { metricName: "tags", value: 1, timestamp: EPOCH, tags: { "": "x" } },
          { metricName: "long", value: 1, timestamp: EPOCH, tags: { k: "v".repeat(513) } },
        ],
      }),
    );
    expect(answer).toMatchObject({ batchId: "upload-1", pointsProcessed: 2, pointsFailed: 9 });
    expect(answer.errors).toEqual([
      `batch 0 ("b-1"), point 1: metric_name is empty; wanted letters, digits, '_' and '.'`,
      `batch 0 ("b-1"), point 2 ("p-7"): metric_name is "no spaces"; wanted letters, digits, '_' and '.' only`,
      `batch 0 ("b-1"), point 3: value is NaN; wanted a finite number`,
      `batch 0 ("b-1"), point 4: value is -Infinity; wanted a finite number`,
      `batch 0 ("b-1"), point 5: timestamp is 2026-01-01T00:10:01.000Z, which is too far in the future; wanted at most 2026-01-01T00:10:00.000Z`,
      `batch 0 ("b-1"), point 7: timestamp is 1969-12-31T23:59:59.000Z; wanted 1970 or later`,
      `batch 0 ("b-1"), point 8: timestamp's nanos are out of range; wanted 0 to 999,999,999`,
      `batch 0 ("b-1"), point 9: has a tag with an empty key`,
      `batch 0 ("b-1"), point 10: tag "k" has 513 bytes; wanted at most 512`,
    ]);
    expect(pointsOf(rig.log.synced)).toEqual([`ok gw@${EPOCH_US}=1`, `soon gw@${Number(now + 600n) * 1e6}=1`]);
  });

  test("a batch that is too large or garbage fails as a batch; the stream goes on; the first ten reasons are kept", async () => {
    const rig = createRig();
    const bad = { points: Array.from({ length: 20 }, () => ({ metricName: "" })) };
    const answer = await methodsOf(rig).upload(
      streamOf({ points: points(10_001) }, Uint8Array.of(0x0a, 0x7f), { points: points(3) }, bad),
    );
    expect(answer.errors.slice(0, 3)).toEqual([
      "batch 0: the batch has 10001 points; wanted at most 10000",
      "batch 1: malformed protobuf at byte 1: a length of 127 runs past its end",
      "batch 3, point 0: metric_name is empty; wanted letters, digits, '_' and '.'",
    ]);
    expect(answer.errors.length).toBe(10);
    expect(answer).toMatchObject({ pointsProcessed: 3, pointsFailed: 10_021, batchesTotal: 4n, batchesFailed: 2n });
    expect(pointsOf(rig.log.synced).length).toBe(3);
  });

  test("an upload of nothing answers with nothing", async () => {
    const answer = await methodsOf(createRig()).upload(streamOf());
    expect(answer).toMatchObject({ pointsProcessed: 0, pointsFailed: 0, errors: [] });
  });

  test("points without a timestamp get the time of arrival, a microsecond apart within a series", async () => {
    const rig = createRig();
    const nowUs = rig.clock.nowMs() * 1_000;
    const untimed = { points: [{ metricName: "a" }, { metricName: "a" }, { metricName: "b" }] };
    await methodsOf(rig).upload(streamOf(untimed, untimed));
    expect(pointsOf(rig.log.synced).sort()).toEqual([
      `a @${nowUs}=0`,
      `a @${nowUs + 1}=0`,
      `a @${nowUs + 2}=0`,
      `a @${nowUs + 3}=0`,
      `b @${nowUs}=0`,
      `b @${nowUs + 1}=0`,
    ]);
  });

  test("while the wall clock is not to be trusted, points of any time are taken and marked", async () => {
    const rig = createRig({ isClockTrusted: () => false });
    const later = { metricName: "m", timestamp: { seconds: BigInt(rig.clock.nowMs() / 1_000) + 86_400n, nanos: 0 } };
    const beyond = { metricName: "m", timestamp: { seconds: 2n ** 40n, nanos: 0 } };
    const answer = await methodsOf(rig).upload(streamOf({ points: [later, beyond] }));
    expect(answer).toMatchObject({ pointsProcessed: 1, pointsFailed: 1 });
    const { frameOfRecord } = await import("../../src/log/record.ts");
    expect(frameOfRecord(rig.log.synced[0]).clockUntrusted).toBe(true);
  });

  test("points older than raw points are kept are refused by name, unless the wall clock is not to be trusted", async () => {
    const limitS = 7 * 86_400;
    let trusted = true;
    const rig = createRig({ rawAgeLimitMs: limitS * 1_000, isClockTrusted: () => trusted });
    const earliest = BigInt(rig.clock.nowMs() / 1_000 - limitS);
    const old = { metricName: "m", timestamp: { seconds: earliest - 1n, nanos: 999_999_000 } };
    const batch = {
      points: [{ metricName: "m", timestamp: { seconds: earliest, nanos: 0 } }, old, { metricName: "m" }],
    };
    const { upload } = methodsOf(rig);
    expect(await upload(streamOf(batch))).toMatchObject({
      pointsProcessed: 2,
      errors: [
        "batch 0, point 1: timestamp is 2025-12-24T23:59:59.999Z, older than retention.raw allows; wanted 2025-12-25T00:00:00.000Z or later",
      ],
    });
    trusted = false;
    expect(await upload(streamOf(batch))).toMatchObject({ pointsProcessed: 3, pointsFailed: 0 });
  });

  test("no more than 100,000 points of a stream are in flight", async () => {
    const rig = createRig();
    rig.log.held = true;
    let pulled = 0;
    async function* endless() {
      for (; pulled < 40; pulled++) yield batchBytes({ points: points(10_000) });
    }
    const uploading = methodsOf(rig).upload(endless());
    await turns(50);
    expect(pulled).toBe(10);
    rig.log.sync(1);
    await turns(50);
    expect(pulled).toBeGreaterThan(10);
    expect(pulled).toBeLessThanOrEqual(20);
    rig.log.held = false;
    rig.log.sync();
    expect(await uploading).toMatchObject({ pointsProcessed: 400_000 });
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test("what was committed of a broken stream stays", async () => {
    const rig = createRig();
    async function* breaking() {
      yield batchBytes({ points: points(5) });
      throw new Error("connection lost");
    }
    expect(methodsOf(rig).upload(breaking())).rejects.toThrow("connection lost");
    await turns();
    expect(pointsOf(rig.log.synced).length).toBe(5);
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test("a log that fails ends the upload at once, though its sender says nothing more", async () => {
    const rig = createRig();
    rig.log.held = true;
    async function* silent() {
      yield batchBytes({ points: points(5) });
      await new Promise(() => {});
    }
    const uploading = methodsOf(rig).upload(silent());
    uploading.catch(() => {});
    await turns();
    rig.log.fail("disk full");
    await expect(uploading).rejects.toThrow("disk full");
    expect(rig.budget.reservedBytes).toBe(0);
    await expect(methodsOf(rig).upload(streamOf({ points: points(1) }))).rejects.toThrow("disk full");
  });
});

describe("StreamData", () => {
  test("acks after the commit, cumulatively, and names what was refused", async () => {
    const rig = createRig();
    rig.log.held = true;
    const more = Promise.withResolvers<void>();
    async function* batches() {
      yield batchBytes({ batchId: "a", points: points(2) });
      yield batchBytes({ batchId: "b", points: [{ metricName: "m", value: NaN, id: "x" }] });
      yield batchBytes({ batchId: "c", points: points(3) });
      await more.promise;
    }
    const acks = methodsOf(rig).stream(batches());
    const first = acks.next();
    await turns();
    expect(Bun.peek.status(first)).toBe("pending");
    rig.log.held = false;
    rig.log.sync();
    let ack = (await first).value;
    while (ack.batches < 3n) ack = (await acks.next()).value;
    expect(ack).toMatchObject({ batches: 3n, lastBatchId: "c", pointsProcessed: 5n, pointsFailed: 1n });
    more.resolve();
    expect((await acks.next()).done).toBe(true);
  });

  test("a sender that does not read its acks gets one for many batches, with a bounded list of refusals", async () => {
    const rig = createRig();
    async function* batches() {
      for (let i = 0; i < 30; i++) {
        yield batchBytes({ points: Array.from({ length: 10 }, () => ({ metricName: "", id: String(i) })) });
        await turns(1);
      }
    }
    const acks = methodsOf(rig).stream(batches());
    const first = (await acks.next()).value;
    await turns(100);
    const second = (await acks.next()).value;
    expect(first.batches).toBeLessThan(30n);
    expect(second).toMatchObject({ batches: 30n, pointsFailed: 300n });
    expect(second.refused.length).toBe(100);
    expect((await acks.next()).done).toBe(true);
  });

  test("a failed commit ends the stream with its reason, after the acks before it", async () => {
    const rig = createRig();
    const more = Promise.withResolvers<void>();
    async function* batches() {
      yield batchBytes({ points: points(1) });
      await more.promise;
      yield batchBytes({ points: points(1) });
      await new Promise(() => {});
    }
    const acks = methodsOf(rig).stream(batches());
    expect((await acks.next()).value.batches).toBe(1n);
    rig.log.held = true;
    more.resolve();
    const next = acks.next();
    next.catch(() => {});
    await turns();
    rig.log.fail("input/output error");
    await expect(next).rejects.toThrow("input/output error");
  });
});

describe("UploadBatch", () => {
  test("answers one batch, and refuses one that cannot be used", async () => {
    const { unary } = methodsOf(createRig());
    expect(await unary(batchBytes({ batchId: "z", points: points(2) }))).toMatchObject({
      batches: 1n,
      lastBatchId: "z",
      pointsProcessed: 2n,
    });
    await expect(unary(Uint8Array.of(7))).rejects.toThrow("malformed");
  });
});

describe("limits of series", () => {
  test("a point over a limit is refused by name; known series go on", async () => {
    const rig = createRig({ seriesMax: 3, seriesPerSourceMax: 2 });
    const { unary } = methodsOf(rig);
    const named = (...names: string[]) => names.map((metricName) => ({ metricName, timestamp: EPOCH }));
    const one = await unary(batchBytes({ source: "one", points: named("a", "b", "c") }));
    expect(one.refused.map((r) => r.reason)).toEqual([
      'would be a new series of source "one"; the limit of 2 series a source (series_per_source_max) is reached',
    ]);
    const two = await unary(batchBytes({ source: "two", points: named("a", "b") }));
    expect(two.refused.map((r) => r.reason)).toEqual([
      "would be a new series; the limit of 3 series (series_max) is reached",
    ]);
    expect(await unary(batchBytes({ source: "one", points: named("a", "b") }))).toMatchObject({ pointsProcessed: 2n });
  });
});

describe("series", () => {
  test("are not made by points that are refused, nor by batches that are", async () => {
    const rig = createRig();
    const future = { seconds: 9_000_000_000n, nanos: 0 };
    const damaged = batchBytes({ source: "gw", points: points(3, "damaged") });
    // The value of the last point gets a wire type there is not.
    damaged[damaged.lastIndexOf(0x19)] = 0x1f;
    const answer = await methodsOf(rig).upload(
      streamOf(
        {
          source: "gw",
          points: [
            { metricName: "future", value: 1, timestamp: future },
            { metricName: "nan", value: NaN, timestamp: EPOCH },
            { metricName: "old", value: 1, timestamp: { seconds: -1n, nanos: 0 } },
            { metricName: "good", value: 1, timestamp: EPOCH },
            { metricName: "good", value: NaN, timestamp: EPOCH },
          ],
        },
        damaged,
      ),
    );
    expect(answer).toMatchObject({ pointsProcessed: 1, pointsFailed: 7 });
    expect(rig.registry.count).toBe(1);
    expect(answer.errors[0]).toContain("too far in the future");
    expect(answer.errors[1]).toContain("value is NaN; wanted a finite number");
  });
});

describe("the memory budget", () => {
  test("holds a sender back, then refuses it and says when to come again", async () => {
    const rig = createRig({ budgetBytes: 1_000 });
    let used = 2_000;
    rig.budget.addPart(() => used);
    const uploading = methodsOf(rig).upload(streamOf({ points: points(1) }));
    uploading.catch(() => {});
    await turns();
    expect(Bun.peek.status(uploading)).toBe("pending");
    rig.clock.advance(5_000);
    await expect(uploading).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 1_000 });

    const patient = methodsOf(rig).upload(streamOf({ points: points(1) }));
    await turns();
    used = 0;
    rig.budget.partShrank();
    expect(await patient).toMatchObject({ pointsProcessed: 1 });
    expect(rig.clock.timers).toBe(0);
  });

  test("a call that ends while it waits leaves the line", async () => {
    const rig = createRig({ budgetBytes: 1_000 });
    rig.budget.addPart(() => 2_000);
    const caller = new AbortController();
    const uploading = methodsOf(rig).upload(streamOf({ points: points(1) }), caller.signal);
    uploading.catch(() => {});
    await turns();
    expect(rig.budget.waiting).toBe(1);
    caller.abort();
    await expect(uploading).rejects.toMatchObject({ status: "CANCELLED" });
    expect(rig.budget.waiting).toBe(0);
  });
});

test("a reading outside the range of its sensor is stored and counted, or refused by name", async () => {
  const rig = createRig();
  const range = { unit: "°C", validMin: -40, validMax: 125 };
  const schemas = (refusesOutside: boolean) => new Map([["temp", { ...range, refusesOutside }]]);
  rig.schemas.set(
    new Map([
      ["gw1", schemas(true)],
      ["gw2", schemas(false)],
    ]),
  );
  const values = [20, 400].map((value) => ({ metricName: "temp", value, timestamp: EPOCH }));
  const answer = await methodsOf(rig).upload(
    streamOf({ source: "gw1", points: values }, { source: "gw2", points: values }),
  );
  expect(answer).toMatchObject({ pointsProcessed: 3, pointsFailed: 1 });
  expect(answer.errors).toEqual(['batch 0, point 1: value is 400 °C; temp of device "gw1" wants -40 to 125 °C']);
  expect([1, 2].map((id) => rig.schemas.outsideOf(id))).toEqual([1, 1]);
});
