/** Golden timelines: these rules, these points at these times, these transitions; and the same with restarts in between. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { play, timelineIn } from "./timeline.ts";

const dir = join(import.meta.dir, "timelines");

for (const name of readdirSync(dir).sort()) {
  const timeline = timelineIn(readFileSync(join(dir, name), "utf8"));
  test(`${name}`, async () => expect(await play(timeline, false)).toEqual([...timeline.expected]));
  test(`${name}, restarted after every step`, async () => {
    expect(byAlert(await play(timeline, true))).toEqual(byAlert(timeline.expectedOfRestarts));
  });
}

/** What befalls several of them at one time has no order; what befalls one has. */
function byAlert(lines: readonly string[]): string[] {
  const timeAndAlert = (line: string) => line.split(" ").slice(0, 2).join(" ");
  return lines.toSorted((a, b) => (timeAndAlert(a) < timeAndAlert(b) ? -1 : +(timeAndAlert(a) > timeAndAlert(b))));
}
