/**
 * Makes lorawan-golden.txt, out of the recording and the naive model: bun test/devices/status/lorawan-golden.ts > test/devices/status/lorawan-golden.txt
 * The list tells of CampusIoT/datasets (ODbL 1.0), which is not shipped.
 */
import { readRecording, recordingFile, type Recording } from "../../support/recordings.ts";
import { arrivedInOrder, naiveChanges, type NaiveChange } from "./naive-statuses.ts";

const DAY_MS = 86_400_000;

/** Event times of each device, milliseconds, in the order of the source. */
export function eventTimesOf({ series, points }: Recording): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const [seriesId, timeUs] of points) {
    const { device } = series[seriesId - 1].tags;
    let own = times.get(device);
    if (own === undefined) times.set(device, (own = []));
    own.push(timeUs / 1_000);
  }
  return times;
}

/** A month after the last reading of all. */
export function endOf(times: ReadonlyMap<string, readonly number[]>): number {
  return [...times.values()].flat().reduce((latest, ms) => Math.max(latest, ms), 0) + 30 * DAY_MS;
}

export function lineOf(device: string, { atMs, previous, status, isFlapping, omitted }: NaiveChange): string {
  const flapping = isFlapping ? ` flapping omitted=${omitted}` : omitted > 0 ? ` omitted=${omitted}` : "";
  return `${device} ${new Date(atMs).toISOString()} ${previous} ${status}${flapping}`;
}

if (import.meta.main) {
  const times = eventTimesOf(readRecording(recordingFile("lorawan")!));
  for (const device of [...times.keys()].sort()) {
    for (const change of naiveChanges(arrivedInOrder(times.get(device)!), endOf(times))) {
      console.log(lineOf(device, change));
    }
  }
}
