/** Frames against a naive reading of them: each device once a frame, with its latest event time. */
import { expect, test } from "bun:test";
import { DeviceSeries } from "../../src/devices/device-series.ts";
import type { Frame } from "../../src/model/frame.ts";
import { deviceOf, seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { randomOf } from "../support/random.ts";

const LIMITS = { seriesMax: 1_000_000, seriesPerSourceMax: 1_000_000 };

function frameOf(rows: readonly (readonly [series: number, timeUs: number])[], arrivalMs = 1): Frame {
  return {
    ...{ seq: 1, arrivalMs, count: rows.length },
    seriesIds: Uint32Array.from(rows, ([id]) => id),
    timesUs: Float64Array.from(rows, ([, timeUs]) => timeUs),
    values: new Float64Array(rows.length),
  };
}

function found() {
  const ids: string[] = [];
  const find = (id: string) => {
    const known = ids.indexOf(id);
    return known >= 0 ? known : ids.push(id) - 1;
  };
  return { ids, find };
}

test("any frame says of each of its devices once when it was heard last", () => {
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1);
  const random = randomOf(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const registry = new SeriesRegistry(LIMITS);
  const { ids, find } = found();
  const series = new DeviceSeries(registry, find);
  const all: number[] = [];
  /** Whoever sent to a series that is deleted meanwhile has been heard. */
  const heard = new Set<number>();
  for (let round = 0; round < 500; round++) {
    if (all.length < 3_000 && (all.length === 0 || random() < 0.3)) {
      for (let i = pick(20); i >= 0; i--) {
        const [source, tags]: [string, [string, string][]] = [
          `s${pick(30)}`,
          random() < 0.5 ? [["device", `d${pick(200)}`]] : [],
        ];
        const key = seriesKey(`m${pick(50)}`, source, tags);
        if (registry.idOf(key) === undefined) all.push(registry.add(key, source) as number);
      }
    }
    const gone = random() < 0.1 ? all.splice(pick(all.length), 1) : [];
    registry.forget(gone);
    const rows: [number, number][] = [];
    while (rows.length < pick(200)) {
      const id = random() < 0.02 && gone.length > 0 ? gone[0] : all[pick(all.length)];
      for (let run = pick(4); run >= 0 && id !== undefined; run--) rows.push([id, pick(1e6)]);
    }
    const wanted = new Map<string, number>();
    for (const [id, timeUs] of rows) {
      if (!registry.has(id) && !heard.has(id)) continue;
      heard.add(id);
      const device = deviceOf(registry.identityOf(id));
      wanted.set(device, Math.max(wanted.get(device) ?? -1, timeUs));
    }
    const told: [string, number][] = [];
    series.apply(frameOf(rows, round));
    series.tell((device, newestUs, arrivalMs) => {
      expect(arrivalMs).toBe(round);
      told.push([ids[device], newestUs]);
    });
    expect({ seed, round, told: told.sort() }).toEqual({ seed, round, told: [...wanted].sort() });
  }
  for (const [device, id] of ids.entries()) {
    for (const seriesId of series.seriesOf(device)) expect(deviceOf(registry.identityOf(seriesId))).toBe(id);
  }
  const listed = ids.flatMap((_, device) => [...series.seriesOf(device)]);
  expect(new Set(listed).size).toBe(listed.length);
  expect(listed.every((id) => all.includes(id))).toBe(true);
});

test("over many frames each device is told once, with its newest reading and when that came; many wait their turn", () => {
  const registry = new SeriesRegistry(LIMITS);
  const { ids, find } = found();
  const series = new DeviceSeries(registry, find);
  const all = Array.from(
    { length: 3_000 },
    (_, i) => registry.add(seriesKey("m", `s${i >> 1}`, [["k", `${i & 1}`]]), "s") as number,
  );
  series.apply(
    frameOf(
      all.map((id, i) => [id, i]),
      1,
    ),
  );
  expect(ids.length).toBe(250);
  series.apply(
    frameOf(
      all.map((id, i) => [id, i % 4 === 0 ? 1e6 : 0]),
      2,
    ),
  );
  registry.forget([all.pop()!]);
  const told = new Map<string, number[]>();
  const tell = () => {
    return series.tell((device, newestUs, arrivalMs) => {
      expect(told.has(ids[device])).toBe(false);
      told.set(ids[device], [newestUs, arrivalMs]);
    });
  };
  for (let turns = 1; tell(); turns++) expect(ids.length).toBeLessThanOrEqual(250 * (turns + 2));
  const wanted = Array.from({ length: 1_500 }, (_, i) => (i % 2 === 0 ? [1e6, 2] : [Math.min(2 * i + 1, 2_998), 1]));
  expect([...told].sort()).toEqual(wanted.map((one, i): [string, number[]] => [`s${i}`, one]).sort());
});

test("a series that is deleted is nobody's, whatever is still on its way to it", () => {
  const registry = new SeriesRegistry(LIMITS);
  const { ids, find } = found();
  const series = new DeviceSeries(registry, find);
  const id = registry.add(seriesKey("m", "s", []), "s") as number;
  const told: number[] = [];
  series.apply(frameOf([[id, 1]]));
  series.tell((device) => told.push(device));
  registry.forget([id]);
  series.apply(frameOf([[id, 2]]));
  series.tell((device) => told.push(device));
  const other = registry.add(seriesKey("m", "t", []), "t") as number;
  registry.forget([other]);
  series.apply(frameOf([[other, 3]]));
  series.tell((device) => told.push(device));
  expect(ids).toEqual(["s"]);
  expect(told).toEqual([0, 0]);
  expect([...series.seriesOf(0)]).toEqual([]);
});

test("a device that was forgotten is found anew by its next point", () => {
  const registry = new SeriesRegistry(LIMITS);
  const asked: string[] = [];
  const series = new DeviceSeries(registry, (id) => asked.push(id) - 1);
  const ids = ["a", "b"].map((metric) => registry.add(seriesKey(metric, "s", []), "s") as number);
  const told: number[] = [];
  series.apply(frameOf([[ids[0], 1]]));
  series.tell((device) => told.push(device));
  series.forget(0);
  expect([...series.seriesOf(0)]).toEqual([]);
  series.apply(frameOf([[ids[0], 2]]));
  series.tell((device) => told.push(device));
  expect({ asked, told }).toEqual({ asked: ["s", "s"], told: [0, 1] });
});
