/** What becomes of bad readings on the way in: named by file and line while it goes on, and they cost only themselves. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { commandRunner } from "./command-runner.ts";

const dir = tempDir("upload");
const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" };
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data: join(dir.path, "data") });
});

afterAll(async () => {
  runner.close();
  await server.stop();
  dir[Symbol.dispose]();
});

const at = () => ["--server", server.grpc];
const command = (...args: string[]) => [...watchpostCommand(false), ...args];

const runner = commandRunner(dir.path, () => env);
const run = (args: readonly string[], stdin = "") => runner.run(args, { stdin });

const file = (name: string, text: string) => writeFileSync(join(dir.path, name), text);
const json = (metric: string, value: number, more: object = {}) => `${JSON.stringify({ metric, value, ...more })}\n`;

/** Values of a metric in order of time. */
async function valuesOf(metric: string): Promise<number[]> {
  const { out } = await run(["export", metric, "-o", "-", ...at()]);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { value: number }).value);
}

/** An upload of what is written to it. */
function lasting(...args: string[]) {
  const child = Bun.spawn(command("upload", "-", "--source", "s", ...args), { env, stdin: "pipe", stderr: "pipe" });
  let said = "";
  const ended = (async () => {
    for await (const bytes of child.stderr) said += new TextDecoder().decode(bytes);
    return child.exited;
  })();
  return {
    ended,
    said: () => said,
    async write(text: string) {
      child.stdin.write(text);
      await child.stdin.flush();
    },
    async hears(sentence: string) {
      while (!said.includes(sentence)) await Bun.sleep(10);
    },
    end: () => void child.stdin.end(),
  };
}

describe("a time that is none costs its own line, and the other inputs go on", () => {
  for (const name of ["upload", "import"]) {
    test(name, async () => {
      const metric = `absurd.${name}`;
      file(
        "absurd.jsonl",
        json(metric, 1, { timestamp: 1 }) +
          json(metric, 2, { timestamp: 1e30 }) +
          json(metric, 3, { timestamp: "2026-02-30" }) +
          json(metric, 4, { timestamp: 2 }),
      );
      file("absurd.csv", `metric,value,timestamp\n${metric},5,1${"0".repeat(30)}\n${metric},6,3\n`);
      const { code, err } = await run([name, "absurd.jsonl", "absurd.csv", "--source", "s", ...at()]);
      for (const place of [
        "absurd.jsonl:2 timestamp is 1e+30; wanted",
        'absurd.jsonl:3 timestamp is "2026-02-30"; wanted',
        'absurd.csv:2 timestamp is "1000000',
        "3 points stored, 0 refused, 3 bad lines skipped",
      ]) {
        expect(err).toContain(place);
      }
      expect(code).toBe(0);
      expect(await valuesOf(metric)).toEqual([1, 4, 6]);
    });
  }
});

describe("what the server refuses is named by file and line", () => {
  const text = (metric: string) =>
    ["a", "b", "a"].map((source, i) => json(i === 2 ? "no good" : metric, i, { source, timestamp: i })).join("") +
    json("no good either", 3, { source: "b", timestamp: 1 });

  for (const [name, ...flags] of [["upload", "--source", "s", "--batch", "3"], ["import"]]) {
    test(name, async () => {
      const metric = `refused.${name}`;
      file("r1.jsonl", text(metric));
      file("r2.jsonl", `\n${text(metric)}`);
      const { code, err } = await run([name, "r1.jsonl", "r2.jsonl", ...flags, ...at()]);
      for (const place of ["r1.jsonl:3", "r2.jsonl:4"])
        expect(err).toContain(`${place} refused: metric_name is "no good"`);
      for (const place of ["r1.jsonl:4", "r2.jsonl:5"])
        expect(err).toContain(`${place} refused: metric_name is "no good e`);
      expect(err).toContain("4 points stored, 4 refused");
      expect(code).toBe(0);
    });
  }
});

test("bad lines and refused points are shown while the input goes on, ten of each, and the others counted", async () => {
  const upload = lasting(...at());
  const refused = json("no good", 1);
  await upload.write(json("lasting", 1) + "oops\n".repeat(15));
  await upload.hears("-:11 is no JSON\n");
  await upload.write(refused.repeat(5));
  await upload.hears('-:21 refused: metric_name is "no good"');
  await upload.write(refused.repeat(10));
  await upload.hears('-:26 refused: metric_name is "no good"');
  await upload.write("oops\n" + json("lasting", 2));
  while ((await valuesOf("lasting")).length < 2) await Bun.sleep(50);
  expect(upload.said().split("\n").length).toBe(21);
  upload.end();
  expect(await upload.ended).toBe(0);
  expect(upload.said().split("\n").slice(20, 23)).toEqual([
    "… and 6 more bad lines",
    "… and 5 more refused points",
    expect.stringContaining("2 points stored, 15 refused, 16 bad lines skipped"),
  ]);
}, 120_000);

test("on a terminal they stand on lines of their own, with the bar below them", async () => {
  file("terminal.jsonl", json("terminal", 1) + "oops\n".repeat(3) + json("no good", 2));
  let screen = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn(command("upload", "terminal.jsonl", "--source", "s", ...at()), {
    cwd: dir.path,
    env,
    terminal: { cols: 60, rows: 10, data: (_, bytes) => void (screen += decoder.decode(bytes, { stream: true })) },
  });
  expect(await child.exited).toBe(0);
  while (!/points? stored/.test(screen)) await Bun.sleep(10);
  const said = ["terminal.jsonl:2 is", "terminal.jsonl:3 is", "terminal.jsonl:5 refused", "1 point stored, 1 refused"];
  for (const sentence of said) {
    // Behind what erases the line; colors may stand between.
    expect(screen).toMatch(new RegExp(`\\x1b\\[2K(\\x1b\\[\\d*m)*${sentence}`));
  }
});

describe("points were given and nothing of them was stored: that is said, with exit code 1", () => {
  for (const name of ["upload", "import"]) {
    test(name, async () => {
      file("none.jsonl", json("no good", 1, { timestamp: 1 }).repeat(2));
      file("some.jsonl", json("none.some", 1, { timestamp: 1 }));
      const { code, err } = await run([name, "some.jsonl", "none.jsonl", "--source", "s", ...at()]);
      expect(err).toContain("error: none.jsonl: none of its points was stored\n1 point stored, 2 refused");
      expect(code).toBe(1);
      expect(existsSync(join(dir.path, "none.jsonl.import-progress"))).toBe(false);
    });
  }

  test("import of points without a source", async () => {
    const { code, err } = await run(["import", "-", ...at()], json("none.source", 1));
    expect(err).toContain("error: - has no line with a reading that can be sent");
    expect(code).toBe(1);
  });
});

/** Passes on what clients say; once one has said `word`, nothing comes back to it until it is cut. */
async function forgetful(word: string) {
  const { hostname, port } = new URL(`http://${server.grpc}`);
  const held = Promise.withResolvers<() => void>();
  let holder: Socket | undefined;
  const listener = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.on("data", (bytes) => {
      if (holder === undefined && bytes.includes(word)) {
        holder = client;
        held.resolve(() => (client.destroy(), upstream.destroy()));
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => void (client === holder || client.write(bytes)));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      one.on("close", () => other.destroy()).on("error", () => {});
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port: own } = listener.address() as AddressInfo;
  return { address: `127.0.0.1:${own}`, held: held.promise, close: () => void listener.close() };
}

describe("readings without a time have that of their reading", () => {
  test("so they are stored once, though the answer to them was lost and they are sent again", async () => {
    const proxy = await forgetful("lost.a");
    const upload = lasting("--server", proxy.address);
    await upload.write(json("lost.a", 1) + json("lost.a", 2));
    const cut = await proxy.held;
    while ((await valuesOf("lost.a")).length < 2) await Bun.sleep(20);
    cut();
    await upload.hears("trying again");
    upload.end();
    expect(await upload.ended).toBe(0);
    expect(upload.said()).toContain("2 points stored");
    expect(await valuesOf("lost.a")).toEqual([1, 2]);
    proxy.close();
  }, 120_000);

  test("of several files too, in which the same series stands", async () => {
    const names = ["t1.jsonl", "t2.jsonl", "t3.jsonl"];
    for (const name of names) file(name, json("timeless", 1).repeat(300));
    expect((await run(["upload", ...names, "--source", "s", ...at()])).code).toBe(0);
    expect((await valuesOf("timeless")).length).toBe(900);
    expect((await run(["import", ...names, "--source", "i", ...at()])).code).toBe(0);
    expect((await valuesOf("timeless")).length).toBe(1_800);
  });
});
