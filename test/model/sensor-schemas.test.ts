import { expect, test } from "bun:test";
import { FITS, FLAGGED, REFUSED, SensorSchemas, type SensorSchema } from "../../src/model/sensor-schemas.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";

const ANY: SensorSchema = { unit: "", validMin: -Infinity, validMax: Infinity, refusesOutside: false };

function rig() {
  const registry = new SeriesRegistry({ seriesMax: 5_000, seriesPerSourceMax: 5_000 });
  const add = (metric: string, device: string) =>
    registry.add(seriesKey(metric, "gw", [["device", device]]), "gw") as number;
  return { registry, schemas: new SensorSchemas(registry), add };
}

function set(schemas: SensorSchemas, device: string, metric: string, schema: Partial<SensorSchema>): void {
  schemas.set(new Map([[device, new Map([[metric, { ...ANY, ...schema }]])]]));
}

test("readings of known and of new series are held to the range of their sensor, both ends inclusive", () => {
  const { schemas, add } = rig();
  const [before, other] = [add("temp", "d1"), add("temp", "d2")];
  expect(schemas.areHeld).toBe(false);
  set(schemas, "d1", "temp", { validMin: -40, validMax: 125, refusesOutside: true });
  set(schemas, "d1", "hum", { validMax: 100 });
  set(schemas, "d3", "hum", { validMin: 0, validMax: 100 });
  const after = add("hum", "d3");
  expect(schemas.areHeld).toBe(true);
  // What is set for a device is all that it has.
  expect([-40, 125, -41, 126].map((value) => schemas.judge(before, value))).toEqual([FITS, FITS, FITS, FITS]);
  set(schemas, "d1", "temp", { validMin: -40, validMax: 125, refusesOutside: true });
  expect([-40, 125, -41, 126].map((value) => schemas.judge(before, value))).toEqual([FITS, FITS, REFUSED, REFUSED]);
  expect([schemas.judge(after, 101), schemas.judge(other, 1e9), schemas.judge(4_000, 1)]).toEqual([
    FLAGGED,
    FITS,
    FITS,
  ]);
});

test("says what it wanted", () => {
  const { schemas, add } = rig();
  const id = add("temp", "d1");
  set(schemas, "d1", "temp", { unit: "°C", validMin: -40, validMax: 125 });
  expect(schemas.refusalOf(id, 400)).toBe('value is 400 °C; temp of device "d1" wants -40 to 125 °C');
  set(schemas, "d1", "temp", { validMin: 0 });
  expect(schemas.refusalOf(id, -1)).toBe('value is -1; temp of device "d1" wants at least 0');
});

test("tells whose schemas have changed; none is held any more once they are taken away or their series deleted", () => {
  const { registry, schemas, add } = rig();
  const [a, b] = [add("temp", "d1"), add("temp", "d2")];
  const told: (readonly number[])[] = [];
  schemas.onChanged((ids) => told.push(ids));
  const range = new Map([["temp", { ...ANY, validMax: 1, unit: "K" }]]);
  schemas.set(
    new Map([
      ["d1", range],
      ["d2", range],
    ]),
  );
  schemas.noteOutside(a);
  expect([schemas.outsideOf(a), schemas.unitOf(registry.keyOf(a))]).toEqual([1, "K"]);
  schemas.set(new Map([["d1", undefined]]));
  expect([schemas.outsideOf(a), schemas.unitOf(registry.keyOf(a)), schemas.areHeld]).toEqual([0, "", true]);
  registry.forget([b]);
  expect([schemas.areHeld, schemas.judge(b, 5)]).toEqual([false, FITS]);
  expect(told).toEqual([[a, b], [a]]);
});
