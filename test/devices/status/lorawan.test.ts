/** Against the naive model: a recording of LoRaWAN devices, and streams that are late, repeated and silent for long, by seed. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceStatuses } from "../../../src/devices/status/device-statuses.ts";
import { readRecording, recordingFile } from "../../support/recordings.ts";
import { endOf, eventTimesOf, lineOf } from "./lorawan-golden.ts";
import { naiveChanges } from "./naive-statuses.ts";

/** All readings in the order of their arrival, which is the running maximum of event time of each device. */
function changesOf(times: ReadonlyMap<string, readonly number[]>, endMs: number): string[] {
  const devices = [...times.keys()].sort();
  const readings = devices.flatMap((id, device) => {
    let arrivalMs = 0;
    return times
      .get(id)!
      .map((eventMs) => ({ device, eventMs, arrivalMs: (arrivalMs = Math.max(arrivalMs, eventMs)) }));
  });
  readings.sort((a, b) => a.arrivalMs - b.arrivalMs);
  const statuses = new DeviceStatuses({ nowMs: readings[0].arrivalMs, nameOf: (device) => devices[device] });
  const lines: string[][] = devices.map(() => []);
  const advance = (nowMs: number) => {
    for (const change of statuses.advance(nowMs)) lines[change.device].push(lineOf(devices[change.device], change));
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
    expect(changesOf(times, endOf(times))).toEqual(golden);
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
        const naive = [...times].flatMap(([device, own]) => naiveChanges(own, endMs).map((one) => lineOf(device, one)));
        expect(changesOf(times, endMs)).toEqual(naive);
      },
    ),
    { numRuns: 300 },
  );
});
