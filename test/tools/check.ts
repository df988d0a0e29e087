/**
 * `bun run check`: everything that must hold before a change lands. Prints each step, the output of those that fail,
 * and `N passed, N failed` over all steps and tests as its last line.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const bun = process.execPath;
let passed = 0;
let failed = 0;

const generated = mkdtempSync(join(tmpdir(), "watchpost-generated-"));
try {
  step("types", [bun, "check", "--no-script"]);
  step("types of the console", [bun, "check", "--no-script", "-p", "src/console"]);
  step("format", [bun, "fmt", "--check"]);
  step("buf lint, generate", [bun, "run", "test/tools/generate.ts", generated]);
  step("generated code unchanged", ["diff", "-r", join(generated, "src/wire/gen"), join(root, "src/wire/gen")]);
  step("build", [bun, "build.ts"]);
  await tests();
} finally {
  rmSync(generated, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function step(name: string, command: string[]): void {
  const startedAtMs = performance.now();
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root, stdout: "pipe", stderr: "pipe" });
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  if (exitCode === 0) {
    passed++;
    console.log(`ok    ${name} (${seconds} s)`);
  } else {
    failed++;
    console.log(`FAIL  ${name} (${seconds} s)\n${stdout.toString()}${stderr.toString()}`);
  }
}

/** Runs the suite and counts its tests. A test that only a missing tool lets fail skips; WATCHPOST_TEST_SKIP=never forbids that. */
async function tests(): Promise<void> {
  const suite = Bun.spawn([bun, "test", "--parallel", "--timeout", "60000", "test"], {
    cwd: root,
    // Commands and servers of tests are the executable that was just built: it starts in a third of the time that the source takes.
    env: { ...process.env, WATCHPOST_TEST_PROGRAM: join(root, "dist/watchpost") },
    stdout: "inherit",
    stderr: "pipe",
  });
  const text = await echoed(suite.stderr);
  const exitCode = await suite.exited;
  const counted = (what: string) => Number(new RegExp(`^\\s*(\\d+) ${what}$`, "m").exec(text)?.[1] ?? 0);
  const pass = counted("pass");
  const fail = counted("fail");
  const skip = counted("skip");
  passed += pass;
  failed += fail;
  if (skip > 0 && process.env["WATCHPOST_TEST_SKIP"] === "never") {
    console.log(`${skip} tests were skipped, and none may be here`);
    failed += skip;
  }
  if (exitCode !== 0 && fail === 0) {
    console.log(`bun test ended with code ${exitCode}`);
    failed++;
  }
  if (pass === 0) failed++;
}

async function echoed(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    process.stdout.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return text.replaceAll(/\x1b\[[0-9;]*m/g, "");
}
