/** Secrets that go into a file. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir, watchpostCommand } from "../support/server-process.ts";

test("a file with a secret that others can open is warned of, one of its owner alone is not", () => {
  using dir = tempDir("secret-out");
  const made = (name: string, mode: number) => {
    const path = join(dir.path, `${name}.token`);
    writeFileSync(path, "", { mode });
    const { stderr } = Bun.spawnSync([...watchpostCommand(false), "init", join(dir.path, name)], {
      stdout: Bun.file(path),
    });
    expect(readFileSync(path, "utf8")).toMatch(/^wp_\S+\n$/);
    return stderr.toString();
  };
  expect(made("open", 0o644)).toContain(
    "others on this machine can open the file that this was written to: chmod 600 it",
  );
  expect(made("closed", 0o600)).not.toContain("others on this machine");
});
