/** Devices by their ids, in turns of a few milliseconds: sorting a hundred thousand at once takes fifty. */
import type { DeviceRecord } from "./device-book.ts";

const RUN = 2_000;

/** Of those that `isWanted` takes; whoever comes meanwhile is not among them. `pause` lets others have a turn. */
export async function byId(
  records: Iterable<DeviceRecord>,
  isWanted: (record: DeviceRecord) => boolean,
  pause: () => Promise<void>,
): Promise<readonly DeviceRecord[]> {
  const all = [...records];
  let runs: DeviceRecord[][] = [];
  for (let i = 0; i < all.length; i += RUN) {
    if (i > 0) await pause();
    runs.push(
      all
        .slice(i, i + RUN)
        .filter(isWanted)
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
  }
  while (runs.length > 1) {
    const longer: DeviceRecord[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      longer.push(i + 1 < runs.length ? merged(runs[i], runs[i + 1]) : runs[i]);
      await pause();
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function merged(a: readonly DeviceRecord[], b: readonly DeviceRecord[]): DeviceRecord[] {
  const both: DeviceRecord[] = [];
  for (let [i, j] = [0, 0]; i < a.length || j < b.length;) {
    both.push(j >= b.length || (i < a.length && a[i].id < b[j].id) ? a[i++] : b[j++]);
  }
  return both;
}
