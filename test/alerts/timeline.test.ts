/** Golden timelines: these rules, these points at these times, these transitions; and the same with restarts in between. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { byAlert, play, timelineIn } from "./timeline.ts";

/**
 * Where rules go on elsewhere: which times had no points is not known of quiet series, nor how far apart points were, and what a
 * window loses in the moment of the move counts with the next point. After a death silences begin anew, as after a restart.
 */
const OTHERWISE = {
  moves: /^(late-(gaps|goes-on|short-gap)|no-data-(fire-phases|resolve)|set-right)\.txt$/,
  deaths:
    /^(late-(gaps|goes-on|short-gap)|no-data|absence|silent|deaf|keep-firing|count-silent|away|aggregates|set-right)/,
};
const dir = join(import.meta.dir, "timelines");

for (const name of readdirSync(dir).sort()) {
  const timeline = timelineIn(readFileSync(join(dir, name), "utf8"));
  test(`${name}`, async () => expect(await play(timeline, "nothing")).toEqual([...timeline.expected]));
  test(`${name}, restarted after every step`, async () => {
    expect(byAlert(await play(timeline, "restarts"))).toEqual(byAlert(timeline.expectedOfRestarts));
  });
  for (const befalls of ["moves", "deaths"] as const) {
    if (OTHERWISE[befalls].test(name)) continue;
    test(`${name}, with rules on other nodes: ${befalls}`, async () => {
      expect(byAlert(await play(timeline, befalls))).toEqual(byAlert(timeline.expected));
    });
  }
}
