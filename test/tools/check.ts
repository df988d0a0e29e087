/**
 * `bun run check`: everything that must hold before a change lands. Prints each step, the output of those that fail, the
 * dearest test files, and `N passed, N failed` over all steps and tests as its last line.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { costRanking } from "./cost-ranking.ts";
import { memoryDirectory } from "./memory-directory.ts";

const root = join(import.meta.dir, "../..");
const bun = process.execPath;
/** Many tests wait for a server to start, a hold to end, a retry: meanwhile another one has the core. */
const WORKERS = availableParallelism() + 1;
const DEAREST = 25;
let passed = 0;
let failed = 0;

const generated = mkdtempSync(join(tmpdir(), "watchpost-generated-"));
const memory = memoryDirectory();
/** Of costs, where there is none in memory. */
const directory = memory ?? mkdtempSync(join(tmpdir(), "watchpost-check-"));
process.on("exit", () => {
  for (const path of [generated, directory]) rmSync(path, { recursive: true, force: true });
});
// Memory that is not given back is gone until the machine starts anew.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
// None of them needs another; tests run what was built.
await Promise.all([step("build", [bun, "build.ts"]), generation(), types(), step("format", [bun, "fmt", "--check"])]);
await tests();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function types(): Promise<void> {
  await step("types", [bun, "check", "--no-script"]);
  await step("types of the console", [bun, "check", "--no-script", "-p", "src/console"]);
}

async function generation(): Promise<void> {
  await step("buf lint, generate", [bun, "run", "test/tools/generate.ts", generated]);
  await step("generated code unchanged", ["diff", "-r", join(generated, "src/wire/gen"), join(root, "src/wire/gen")]);
}

async function step(name: string, command: string[]): Promise<void> {
  const startedAtMs = performance.now();
  const child = Bun.spawn(command, { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  if (exitCode === 0) {
    passed++;
    console.log(`ok    ${name} (${seconds} s)`);
  } else {
    failed++;
    console.log(`FAIL  ${name} (${seconds} s)\n${stdout}${stderr}`);
  }
}

/** Runs the suite and counts its tests. A test that only a missing tool lets fail skips; WATCHPOST_TEST_SKIP=never forbids that. */
async function tests(): Promise<void> {
  // The dearest files first, so that none of them runs alone at the end.
  const order = ["--timings", join(import.meta.dir, "timings.json")];
  const costs = join(directory, "costs.jsonl");
  const suite = Bun.spawn([bun, "test", `--parallel=${WORKERS}`, ...order, "--timeout", "120000", "test"], {
    cwd: root,
    // Commands and servers of tests are the executable that was just built: it starts in a third of the time that the source takes.
    env: {
      ...process.env,
      // Each file is done with what the one before had: to give memory back to the system and to fault it in again takes a fifth
      // of the CPU time of all. Servers and commands that tests start have an environment of their own, without this.
      MIMALLOC_PURGE_DELAY: "-1",
      TMPDIR: memory ?? tmpdir(),
      WATCHPOST_TEST_COSTS: costs,
      WATCHPOST_TEST_PROGRAM: join(root, "dist/watchpost"),
    },
    stdout: "inherit",
    stderr: "pipe",
  });
  const text = await echoed(suite.stderr);
  const exitCode = await suite.exited;
  if (existsSync(costs)) console.log(costRanking(readFileSync(costs, "utf8"), DEAREST));
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
