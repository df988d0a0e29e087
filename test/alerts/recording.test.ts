/** The recording of a machine until it fails: known episodes, imported as history, played as it came, and in pieces. */
import { describe, expect } from "bun:test";
import { readRecording, recordingFile } from "../support/recordings.ts";
import { testNeeding } from "../support/needs.ts";
import { randomOf } from "../support/random.ts";
import { AlertsRig, START_MS, type SentPoint } from "./rig.ts";

const path = recordingFile("machine");
const recorded = testNeeding([path === undefined && "the recording of a machine"]);
const COLD = { name: "cold", metric: "temperature_f", condition: { threshold: { below: 40 } }, severity: "critical" };
const WARM = { name: "warm", metric: "ambient_temperature_f", condition: { threshold: { above: 84 } } };

/** [first reading, last reading, how many], as the recording's README has them. */
const COLD_RUNS = [
  ["2013-12-16T15:40", "2013-12-16T17:35", 24],
  ["2014-02-08T04:15", "2014-02-08T04:30", 4],
  ["2014-02-08T04:40", "2014-02-08T04:40", 1],
  ["2014-02-08T05:00", "2014-02-08T05:00", 1],
  ["2014-02-08T05:10", "2014-02-09T11:50", 369],
] as const;
const WARM_RUNS = [
  ["2013-12-22T17:00", "2013-12-23T03:00", 11],
  ["2013-12-23T05:00", "2013-12-23T05:00", 1],
] as const;

interface Reading extends SentPoint {
  readonly timeMs: number;
}

function readings(): Reading[] {
  const { series, points } = readRecording(path!);
  return points.map(([id, timeUs, value]) => {
    const { metric, tags } = series[id - 1];
    return { metric, source: "import", tags, value, timeMs: timeUs / 1_000 };
  });
}

/** An episode begins with its first reading and ends with the first one behind it, if there is one. */
function episodesOf(rule: string, metric: string, runs: typeof COLD_RUNS | typeof WARM_RUNS, all: readonly Reading[]) {
  const times = all.flatMap((one) => (one.metric === metric ? [one.timeMs] : [])).toSorted((a, b) => a - b);
  return runs.map(([first, last, count]) => {
    const [fromMs, lastMs] = [Date.parse(`${first}Z`), Date.parse(`${last}Z`)];
    const toMs = times.find((timeMs) => timeMs > lastMs) ?? lastMs;
    expect(new Set(times.filter((timeMs) => timeMs >= fromMs && timeMs <= lastMs)).size).toBe(count);
    return `${rule} ${iso(fromMs)} ${iso(toMs)}`;
  });
}

function expectedOf(all: readonly Reading[]): string[] {
  return [
    ...episodesOf("cold", "temperature_f", COLD_RUNS, all),
    ...episodesOf("warm", "ambient_temperature_f", WARM_RUNS, all),
  ].toSorted();
}

const iso = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 16);

/** All that stands or stood: rule, when it fired, when it cleared, and whether it was late. */
async function found(rig: AlertsRig, isLate: boolean): Promise<string[]> {
  await rig.settle();
  const cleared = await rig.journal.documents({ collection: "alerts-cleared", limit: 1_000 });
  const alerts = cleared.map(({ value }) => JSON.parse(value) as Record<string, never>);
  expect([...rig.alerts.book.active()].map(({ rule }) => rule)).toEqual([]);
  for (const alert of alerts) expect(alert["isLate"]).toBe(isLate as never);
  return alerts.map((one) => `${one["rule"] as string} ${iso(one["firedAtMs"])} ${iso(one["clearedAtMs"])}`).toSorted();
}

async function rigOf(): Promise<AlertsRig> {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(COLD, WARM);
  return rig;
}

describe("the machine", () => {
  recorded(
    "imported as history has its known episodes, late and never paged, also when it is imported twice",
    async () => {
      const all = readings();
      const rig = await rigOf();
      for (let round = 0; round < 2; round++) {
        for (let at = 0; at < all.length; at += 5_000) {
          await rig.send(...all.slice(at, at + 5_000));
          await rig.advance(1_000);
        }
        await rig.advance(120_000);
        expect(await found(rig, true)).toEqual(expectedOf(all));
      }
      expect(rig.transcript().filter((line) => !/ late /.test(line))).toEqual([]);
      await rig.close();
    },
  );

  recorded("imported in pieces of any size has them, too", async () => {
    const all = readings();
    const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
    const random = randomOf(seed);
    const rig = await rigOf();
    for (let at = 0; at < all.length;) {
      const size = 1 + Math.floor(random() ** 3 * 4_000);
      await rig.send(...all.slice(at, (at += size)));
      await rig.advance(random() < 0.1 ? 90_000 : 100);
    }
    await rig.advance(120_000);
    expect({ seed, found: await found(rig, true) }).toEqual({ seed, found: expectedOf(all) });
    await rig.close();
  });

  recorded(
    "played as it came fires and clears at the same readings",
    async () => {
      const all = readings()
        .filter(({ timeMs }, i, { length }) => i < length && timeMs > 0)
        .toSorted((a, b) => a.timeMs - b.timeMs);
      // What is repeated with other values came late, and is no new reading.
      const seen = new Set<string>();
      const once = all.filter(({ metric, timeMs }) => seen.size !== seen.add(`${metric} ${timeMs}`).size);
      const rig = await rigOf();
      const shiftMs = START_MS - once[0].timeMs;
      for (const reading of once) {
        const timeMs = reading.timeMs + shiftMs;
        await rig.advance(timeMs - rig.clock.nowMs());
        await rig.send({ ...reading, timeMs });
      }
      const cleared = await rig.journal.documents({ collection: "alerts-cleared", limit: 1_000 });
      const alerts = cleared.map(({ value }) => JSON.parse(value) as Record<string, never>);
      const back = (timeMs: number) => iso(timeMs - shiftMs);
      const live = alerts.map(
        (one) => `${one["rule"] as string} ${back(one["firedAtMs"])} ${back(one["clearedAtMs"])}`,
      );
      expect(live.toSorted()).toEqual(expectedOf(all));
      expect(rig.transcript().filter((line) => / late /.test(line))).toEqual([]);
      await rig.close();
    },
    120_000,
  );
});
