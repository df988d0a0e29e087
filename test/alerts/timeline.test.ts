/** Golden timelines: these rules, these points at these times, these transitions; and the same with restarts in between. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { play, timelineIn } from "./timeline.ts";

const dir = join(import.meta.dir, "timelines");

for (const name of readdirSync(dir).sort()) {
  const text = readFileSync(join(dir, name), "utf8");
  const timeline = timelineIn(text);
  test(`${name}`, async () => expect(await play(timeline, false)).toEqual([...timeline.expected]));
  // Silence that nobody heard of begins anew with the server.
  if (text.includes("# no restarts")) continue;
  test(`${name}, restarted after every step`, async () => {
    expect(await play(timeline, true)).toEqual([...timeline.expected]);
  });
}
