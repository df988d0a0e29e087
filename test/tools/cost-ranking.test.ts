import { expect, test } from "bun:test";
import { costRanking } from "./cost-ranking.ts";

test("the dearest files come first, under the sum of all", () => {
  const lines = [
    { file: "a.test.ts", cpuMs: 1_000, wallMs: 3_000 },
    { file: "b.test.ts", cpuMs: 500, wallMs: 700 },
    { file: "c.test.ts", cpuMs: 6_000, wallMs: 6_000 },
    { file: "d.test.ts", cpuMs: 0, wallMs: 10 },
  ];
  expect(costRanking(lines.map((line) => `${JSON.stringify(line)}\n`).join(""), 2).split("\n")).toEqual([
    "   CPU s   share  clock s  (4 files, 7.5 CPU s)",
    "     6.0  80.0 %      6.0  c.test.ts",
    "     1.0  13.3 %      3.0  a.test.ts",
  ]);
});
