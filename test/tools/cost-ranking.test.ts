import { expect, test } from "bun:test";
import { costRanking } from "./cost-ranking.ts";

test("the dearest files come first, each with what its worker took since the file before", () => {
  const lines = [
    { worker: 1, file: "a.test.ts", cpuMs: 1_000, wallMs: 3_000 },
    { worker: 2, file: "b.test.ts", cpuMs: 500, wallMs: 700 },
    { worker: 1, file: "c.test.ts", cpuMs: 7_000, wallMs: 6_000 },
    { worker: 1, file: "d.test.ts", cpuMs: 6_900, wallMs: 10 },
  ];
  expect(costRanking(lines.map((line) => `${JSON.stringify(line)}\n`).join(""), 2).split("\n")).toEqual([
    "   CPU s   share  clock s  (4 files, 7.5 CPU s)",
    "     6.0  80.0 %      6.0  c.test.ts",
    "     1.0  13.3 %      3.0  a.test.ts",
  ]);
});
