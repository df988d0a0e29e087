/** Against the naive model: a recording of LoRaWAN devices, and streams that are late, repeated and silent for long, by seed. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceStatuses } from "../../../src/devices/status/device-statuses.ts";
import { readRecording, recordingFile } from "../../support/recordings.ts";
import { endOf, eventTimesOf, lineOf } from "./lorawan-golden.ts";
import { arrivedInOrder, naiveChanges, type NaiveReading } from "./naive-statuses.ts";

/** Readings of all devices in the order of their arrival. */
function changesOf(all: ReadonlyMap<string, readonly NaiveReading[]>, endMs: number): string[] {
  const devices = [...all.keys()].sort();
  const readings = devices.flatMap((id, device) => all.get(id)!.map((reading) => ({ device, ...reading })));
  readings.sort((a, b) => a.arrivalMs - b.arrivalMs);
  const statuses = new DeviceStatuses({ nowMs: readings[0].arrivalMs, nameOf: (device) => devices[device] });
  const lines: string[][] = devices.map(() => []);
  const advance = (nowMs: number) => {
    for (const change of statuses.advance(nowMs)) {
      if (!change.isHeld) lines[change.device].push(lineOf(devices[change.device], change));
    }
  };
  for (const { device, eventMs, arrivalMs } of readings) {
    advance(arrivalMs);
    statuses.arrived(device, eventMs, arrivalMs);
  }
  advance(endMs);
  return lines.flat();
}

// It may be used and not shipped (ODbL), so where it is not there is no test of it, and the streams below stand for it.
const file = recordingFile("lorawan");
if (file === undefined)
  console.log("The LoRaWAN recording (CampusIoT/datasets) is not there: its devices are not looked at.");
else {
  test("devices of a LoRaWAN recording change as the committed list says", () => {
    const times = eventTimesOf(readRecording(file));
    const golden = readFileSync(join(import.meta.dir, "lorawan-golden.txt"), "utf8")
      .trimEnd()
      .split("\n");
    const readings = new Map([...times].map(([device, own]) => [device, arrivedInOrder(own)]));
    expect(changesOf(readings, endOf(times))).toEqual(golden);
  });
}

test("streams that are late, repeated and silent for long", () => {
  const usual = fc.integer({ min: 1, max: 120_000 });
  const step = fc.oneof(
    { weight: 8, arbitrary: usual },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 1_500 }) },
    { weight: 2, arbitrary: fc.integer({ min: -3_000_000, max: 0 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 900_000_000 }) },
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(step, { minLength: 1, maxLength: 200 }), { minLength: 1, maxLength: 3 }),
      (streams) => {
        const times = new Map<string, number[]>();
        for (const [device, steps] of streams.entries()) {
          let nowMs = 1_600_000_000_000;
          const own = steps.map((stepMs) => (stepMs > 0 ? (nowMs += stepMs) : nowMs + stepMs));
          times.set(String(device), [1_600_000_000_000, ...own]);
        }
        const endMs = endOf(times);
        const readings = new Map([...times].map(([device, own]) => [device, arrivedInOrder(own)]));
        expect(changesOf(readings, endMs)).toEqual(naiveLines(readings, endMs));
      },
    ),
    { numRuns: 300 },
  );
});

test("streams that catch up, by steps of two clocks: how much newer the next reading is, and when it comes", () => {
  const ms = (max: number) => fc.integer({ min: 1, max });
  const live = ms(120_000).map((stepMs) => ({ eventMs: stepMs, arrivalMs: stepMs }));
  const step = fc.oneof(
    { weight: 6, arbitrary: live },
    // What was kept, sent fast; what is on its way for long; what is as late as before.
    { weight: 4, arbitrary: fc.record({ eventMs: ms(600_000), arrivalMs: ms(5_000) }) },
    { weight: 1, arbitrary: fc.record({ eventMs: ms(60_000), arrivalMs: ms(10_000_000) }) },
    { weight: 1, arbitrary: fc.record({ eventMs: fc.integer({ min: -3_000_000, max: 0 }), arrivalMs: ms(60_000) }) },
  );
  const stream = fc.record({ lagMs: fc.nat(20_000_000), steps: fc.array(step, { minLength: 1, maxLength: 200 }) });
  fc.assert(
    fc.property(fc.array(stream, { minLength: 1, maxLength: 3 }), (streams) => {
      const readings = new Map<string, NaiveReading[]>();
      let endMs = 0;
      for (const [device, { lagMs, steps }] of streams.entries()) {
        let [newestMs, nowMs] = [1_600_000_000_000 - lagMs, 1_600_000_000_000];
        const own = steps.map((step) => {
          nowMs += step.arrivalMs;
          const eventMs = Math.min(newestMs + step.eventMs, nowMs);
          newestMs = Math.max(newestMs, eventMs);
          return { eventMs, arrivalMs: nowMs };
        });
        readings.set(String(device), own);
        endMs = Math.max(endMs, nowMs + 30 * 86_400_000);
      }
      expect(changesOf(readings, endMs)).toEqual(naiveLines(readings, endMs));
    }),
    { numRuns: 300 },
  );
});

function naiveLines(readings: ReadonlyMap<string, readonly NaiveReading[]>, endMs: number): string[] {
  return [...readings].flatMap(([device, own]) => naiveChanges(own, endMs).map((one) => lineOf(device, one)));
}
