/** DeleteSeries: what it takes, what it says, and what becomes of the readers of what is gone. */
import { describe, expect, test } from "bun:test";
import { UpdateMode } from "../../src/wire/gen/dashboard_pb.ts";
import { createRig, shown } from "./rig.ts";

interface Deleted {
  readonly series: bigint;
  readonly examples: string[];
}

function filledRig() {
  const rig = createRig();
  rig.publish(
    ["temp", 1, undefined, { site: "north", device: "pump-1" }],
    ["temp", 2, undefined, { site: "south" }, "t"],
    ["rpm", 3],
  );
  const names = () => [...rig.registry.metrics()].sort();
  return { ...rig, names, remove: (request: object) => rig.call<Deleted>("deleteSeries", request) };
}

test("says how many are gone, and the first of them; a dry run only says so", async () => {
  const { remove, names } = filledRig();
  const expected = { series: 2n, examples: ["temp:s device=pump-1 site=north", "temp:t site=south"] };
  expect(await remove({ metric: "t*", dryRun: true })).toMatchObject(expected);
  expect(names()).toEqual(["rpm", "temp"]);
  expect(await remove({ metric: "t*" })).toMatchObject(expected);
  expect(names()).toEqual(["rpm"]);
  expect(await remove({ metric: "*", filters: { source: "s" } })).toMatchObject({ series: 1n });
  expect(names()).toEqual([]);
});

test("is refused where nothing matches, or what is meant cannot be told", async () => {
  const { remove, names } = filledRig();
  for (const [request, status] of [
    [{ metric: "none" }, "NOT_FOUND"],
    [{ metric: "temp", filters: { site: "east" }, dryRun: true }, "NOT_FOUND"],
    [{ metric: "" }, "INVALID_ARGUMENT"],
    [{ metric: "temp", matchers: [{ key: "site", value: "x" }] }, "INVALID_ARGUMENT"],
  ] as const) {
    await expect(remove(request)).rejects.toMatchObject({ status });
  }
  expect(names()).toEqual(["rpm", "temp"]);
});

test("two deletions at once delete once; what is gone is not found again", async () => {
  const { remove } = filledRig();
  const both = await Promise.allSettled([remove({ metric: "*" }), remove({ metric: "*" })]);
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  await expect(remove({ metric: "*" })).rejects.toMatchObject({ status: "NOT_FOUND" });
});

describe("readers", () => {
  for (const mode of [UpdateMode.INTERVAL, UpdateMode.ON_CHANGE]) {
    test(`hear no more of it, nor of points that were on their way; a new one of the same name joins (${mode})`, async () => {
      const rig = filledRig();
      const deleted = rig.registry.idOf("rpm\0s")!;
      const { next } = rig.subscribe({ metricNames: ["*"], mode, windowStats: true });
      expect(shown(await next()).sort()).toEqual(["rpm:s=3", "temp:s=1", "temp:t=2"]);
      await rig.remove({ metric: "rpm" });
      rig.bus.publish({
        seq: 9,
        arrivalMs: rig.clock.nowMs(),
        count: 1,
        seriesIds: Uint32Array.of(deleted),
        timesUs: Float64Array.of(rig.clock.nowMs() * 1_000 + 5),
        values: Float64Array.of(99),
      });
      const update = next();
      rig.publish(["temp", 7, undefined, { site: "south" }, "t"]);
      rig.clock.advance(1_000);
      expect(shown(await update)).toEqual(["temp:t=7"]);
      const again = next();
      rig.publish(["rpm", 4]);
      rig.clock.advance(1_000);
      expect(shown(await again)).toEqual(["rpm:s=4"]);
      expect(shown(await rig.subscribe({ metricNames: ["*"] }).next()).sort()).toEqual([
        "rpm:s=4",
        "temp:s=1",
        "temp:t=7",
      ]);
    });
  }

  test("of a group get it without what is gone", async () => {
    const rig = filledRig();
    const { next } = rig.subscribe({ metricNames: ["temp"], groupBy: ["none"] });
    expect((await next())!.metrics[0].aggregate).toMatchObject({ count: 2n, sum: 3 });
    await rig.remove({ metric: "temp", filters: { source: "s" } });
    const update = next();
    rig.publish(["temp", 5, undefined, { site: "south" }, "t"]);
    rig.clock.advance(1_000);
    expect((await update)!.metrics[0].aggregate).toMatchObject({ count: 1n, sum: 5 });
  });
});
