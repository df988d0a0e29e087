/** Golden timelines: these rules, these points at these times, these transitions; and the same with restarts in between. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { byAlert, play, timelineIn } from "./timeline.ts";

const dir = join(import.meta.dir, "timelines");

for (const name of readdirSync(dir).sort()) {
  const timeline = timelineIn(readFileSync(join(dir, name), "utf8"));
  test(`${name}`, async () => expect(await play(timeline, false)).toEqual([...timeline.expected]));
  test(`${name}, restarted after every step`, async () => {
    expect(byAlert(await play(timeline, true))).toEqual(byAlert(timeline.expectedOfRestarts));
  });
}
