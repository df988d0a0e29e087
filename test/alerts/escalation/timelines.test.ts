/** Golden timelines: who is told when, once straight through and once with a restart after every step. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { playTimeline } from "./timeline.ts";

const dir = join(import.meta.dir, "timelines");

for (const file of readdirSync(dir).sort()) {
  describe(file, () => {
    const text = readFileSync(join(dir, file), "utf8");
    test("does what it says", () => {
      expect(playTimeline(text, false)).toBe(text);
    });
    test("does the same with a restart after every step", () => {
      expect(playTimeline(text, true)).toBe(text);
    });
  });
}
