/** The demo: what it serves, what it tells, and what it leaves behind. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { demoSpan } from "../../src/cli/demo-fleets.ts";
import { tempDir, watchpostCommand } from "../support/server-process.ts";
import { commandRunner } from "./command-runner.ts";

const TIMEOUT_MS = 120_000;
const ADDRESSES = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"];

const { run, close } = commandRunner("/", () => ({ PATH: process.env["PATH"] ?? "", NO_COLOR: "1" }));
afterAll(close);

function spawn(args: readonly string[], temporary: string) {
  return Bun.spawn([...watchpostCommand(false), ...args], {
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", TMPDIR: temporary },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** A demo that has told what to try; `temporary` is where its folder is. */
async function startDemo(temporary: string, args: readonly string[] = []) {
  const child = spawn(["demo", ...ADDRESSES, ...args], temporary);
  let told = "";
  for await (const bytes of child.stderr) {
    told += new TextDecoder().decode(bytes);
    if (told.includes("Ctrl-C stops it")) break;
  }
  return { child, told };
}

test(
  "serves a recording that goes on live, tells what to try, and stops in order, without its folder",
  async () => {
    using dir = tempDir("demo");
    const { child, told } = await startDemo(dir.path, ["--speed", "3000"]);
    const [, grpc] = /gRPC +(\S+)/.exec(told)!;
    for (const tried of ["watch '*'", "query temperature_f --from -2h --step 5m"])
      expect(told).toContain(`${tried} --server ${grpc}`);
    const [folder] = readdirSync(dir.path);
    expect(told).toContain(`Data   ${join(dir.path, folder)}`);
    const points = async () => {
      const { out } = await run(["query", "temperature_f", "--from", "-2h", "--csv", "--server", grpc]);
      return out.split("\n").length - 2;
    };
    const before = await points();
    expect(before).toBeGreaterThan(1_000);
    while ((await points()) <= before) await Bun.sleep(50);
    const series = async () => (await run(["series", "--filter", "source=*-gateway-*", "--server", grpc])).out;
    for (const source of ["plant-gateway-0001", "plant-gateway-0002", "stores-gateway-0001"]) {
      while (!(await series()).includes(source)) await Bun.sleep(50);
    }
    const { out: dashboards } = await run(["dashboard", "list", "--server", grpc]);
    expect(dashboards).toMatch(/demo-factory +12 .* demo +Demo: factory/);
    // From the first token on everybody is asked who they are, but for what the demo itself sends.
    const { out: secret } = await run(["token", "create", "me", "--role", "admin", "--server", grpc]);
    const token = join(dir.path, "me.token");
    await Bun.write(token, secret);
    const asMe = ["--token-file", token, "--server", grpc];
    const newest = async () => (await run(["query", "temperature_f", "--from", "-2h", "--csv", ...asMe])).out;
    const then = await newest();
    expect(then.split("\n").length).toBeGreaterThan(1_000);
    while ((await newest()) === then) await Bun.sleep(50);
    expect((await run(["status", "--server", grpc])).err).toContain("this server asks who calls");
    rmSync(token);
    // A Ctrl-C comes twice at once under `bun run`. Two of the same signal may become one on the way.
    for (const signal of ["SIGINT", "SIGTERM", "SIGINT"] as const) child.kill(signal);
    expect([await child.exited, readdirSync(dir.path)]).toEqual([0, []]);
  },
  TIMEOUT_MS,
);

test(
  "a folder that was named is kept; run again on it the demo goes on, and writes no other past",
  async () => {
    using dir = tempDir("demo");
    const temporary = join(dir.path, "tmp");
    mkdirSync(temporary);
    const wrong = await run(["demo", "--log-format", "xml"], { env: { TMPDIR: temporary } });
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('log.format is "xml"') });
    const points = async () => {
      const { child, told } = await startDemo(temporary, ["--data", join(dir.path, "mine")]);
      const [, grpc] = /gRPC +(\S+)/.exec(told)!;
      const { out } = await run(["query", "temperature_f", "--from", "-9h", "--csv", "--server", grpc]);
      child.kill("SIGTERM");
      expect([await child.exited, readdirSync(temporary)]).toEqual([0, []]);
      expect(existsSync(join(dir.path, "mine/state.db"))).toBe(true);
      return out.split("\n").length - 2;
    };
    const before = await points();
    expect(before).toBeGreaterThan(1_000);
    expect(await points()).toBeLessThan(1.5 * before);
  },
  TIMEOUT_MS,
);

test("it begins in the morning of a working day, whenever it is started", () => {
  for (let hour = 0; hour < 24 * 7; hour += 5) {
    const { fromUs, liveFromUs, speed, simulatedFromUs } = demoSpan(Date.UTC(2027, 2, 3, hour, 7), 3_600_000);
    const live = new Date((simulatedFromUs! + (liveFromUs - fromUs) * speed) / 1_000);
    expect([live.getUTCDay(), live.getUTCHours(), live.getUTCMinutes()]).toEqual([3, 7, 0]);
  }
});

test("a second signal a second later ends the process at once", async () => {
  const module = join(import.meta.dir, "../../src/cli/stop-signals.ts");
  const script = `
    const { onStopSignal } = await import(${JSON.stringify(module)});
    onStopSignal((signal) => console.log(signal));
    setInterval(() => {}, 1_000);
    console.log("ready");`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const reader = child.stdout.getReader();
  const next = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await next()).toBe("ready\n");
  child.kill("SIGINT");
  expect(await next()).toBe("SIGINT\n");
  child.kill("SIGTERM");
  await Bun.sleep(1_100);
  expect(child.exitCode).toBeNull();
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});
