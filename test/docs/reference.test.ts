/** docs/configuration.md and docs/api.md are as the code is. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { referencePages } from "../tools/reference-pages.ts";

test("settings and calls stand in docs/ as they are; bun run gen writes them", () => {
  for (const [path, text] of referencePages()) {
    const page = readFileSync(join(import.meta.dir, "../..", path), "utf8");
    if (page !== text) throw new Error(`${path} is not what the code says; run: bun run gen`);
    expect(page).toContain("Made by `bun run gen`");
  }
});
