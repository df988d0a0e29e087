/** .ci/run over a test command of ours: its last line is the count, also with what others say on stderr. */
import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../support/server-process.ts";

const script = join(import.meta.dir, "../../.ci/run");

function lastLine(command: string): { code: number; line: string | undefined } {
  using dir = tempDir("ci-run");
  for (const [name, text] of Object.entries({ npx: command, dpkg: "exit 0" })) {
    writeFileSync(join(dir.path, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir.path, name), 0o755);
  }
  const env = { ...process.env, PATH: `${dir.path}:${process.env["PATH"]}` };
  const { exitCode, stdout } = Bun.spawnSync(["sh", "-c", '"$0" 2>&1', script], { env });
  return { code: exitCode, line: stdout.toString().trimEnd().split("\n").at(-1) };
}

test("the last line is the count, and the exit code is that of the tests", () => {
  const runner = "echo 'error: script \"check\" exited with code 1' >&2; exit 1";
  expect(lastLine("echo 7 passed, 0 failed")).toEqual({ code: 0, line: "7 passed, 0 failed" });
  expect(lastLine(`echo 1 passed, 2 failed; ${runner}`)).toEqual({ code: 1, line: "1 passed, 2 failed" });
  expect(lastLine(runner)).toEqual({ code: 1, line: "0 passed, 1 failed" });
});
