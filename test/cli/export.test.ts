/** Export and import over servers of their own: every format there and back, cuts, damage, what is said of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { exportTarget } from "../../src/cli/export-target.ts";
import { batchesOf, type Point } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { pointsOf, readPoints } from "../../src/client/point-file.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { exactly } from "../client/nasty-rows.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { commandRunner } from "./command-runner.ts";

const TEST_MS = 120_000;
const dir = tempDir("export");
const SERVED = join(dir.path, "data");
const environment = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" };
const { run, close } = commandRunner(dir.path, () => environment);
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data: SERVED });
  await send(server, NASTY);
}, TEST_MS);

afterAll(async () => {
  close();
  await server.stop();
  dir[Symbol.dispose]();
}, TEST_MS);

const T0_US = 1_700_000_000_000_000;
const KEYS = [
  "metric",
  "value",
  "source",
  "timestamp",
  "time",
  "id",
  "tags",
  "__proto__",
  'a,"b"',
  "line\nbreak",
  "\ufeffk",
];
const NASTY: Point[] = [
  ...[-0, 0, 5e-324, -5e-324, 1e308, Number.MAX_VALUE, 0.1 + 0.2, 1 / 3].map((value, i) => ({
    value,
    timeUs: T0_US + i,
  })),
  ...["", "a,b", '"', "\r\n", "\u2028\u2029", "\ufeffx", "{}", " padded ", "😀"].map((text, i) => ({
    value: i,
    timeUs: T0_US + i * 1_001,
    source: text,
    tags: Object.fromEntries(KEYS.map((key, at) => [key, at % 2 === 0 ? text : `${text}${key}`])),
  })),
  { value: 1, timeUs: 0, tags: { empty: "" } },
  { value: 2, timeUs: 1, tags: {} },
].map((point) => ({ metric: "nasty.m_1", source: "s", ...point }));

async function send(to: ServerProcess, points: readonly Point[]): Promise<void> {
  const connection = new Connection(to.grpc);
  for (const source of new Set(points.map((point) => point.source!))) {
    await uploadAll(
      connection,
      batchesOf(
        points.filter((point) => point.source === source),
        source,
      ),
    );
  }
  connection.close();
}

/** A process of its own, which is killed once that is so. */
async function runUntil(isSo: () => boolean, args: readonly string[]) {
  const child = Bun.spawn([...watchpostCommand(false), ...args], {
    ...{ cwd: dir.path, env: environment, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  const timer = setInterval(() => isSo() && child.kill("SIGKILL"), 1);
  const [out, err] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  const code = await child.exited;
  clearInterval(timer);
  return { code, out: Buffer.from(out), err };
}

/** What it writes to standard output, which may be much. */
async function printed(args: readonly string[]): Promise<Buffer> {
  return (await runUntil(() => false, args)).out;
}

const at = (to: ServerProcess = server) => ["--server", to.grpc];
const path = (name: string) => join(dir.path, name);
const sizeOf = (name: string) => statSync(path(name), { throwIfNoEntry: false })?.size ?? 0;

/** What a file holds, a line for every point, in an order of its own. */
async function contentOf(file: string): Promise<string[]> {
  return (await Array.fromAsync(readPoints(path(file)))).map(exactly).sort();
}

const NASTY_CONTENT = NASTY.map(exactly).sort();

test(
  "every format is a file that holds exactly what was stored, and is stored exactly again",
  async () => {
    // Every other pair of format and compression is held at the client, without processes.
    const kinds = [["n.jsonl.gz"], ["n.csv.zst"], ["n.parquet", "--compress", "gz"]];
    for (const [name, ...flags] of kinds) {
      const done = await run(["export", "nasty.*", "-o", name, ...flags, ...at()]);
      expect(done).toMatchObject({
        code: 0,
        err: expect.stringContaining(`${name}: ${NASTY.length} points of 11 series`),
      });
      expect(await contentOf(name)).toEqual(NASTY_CONTENT);
    }
    expect(readdirSync(dir.path).filter((name) => /\.(part|progress)/.test(name))).toEqual([]);
    const other = await startServerProcess({ data: join(dir.path, "again") });
    for (const [name] of kinds) {
      // A point that is there and comes as another value would stand with that one.
      const done = await run(["import", name, "--strict", ...at(other)]);
      expect(done).toMatchObject({ code: 0, err: expect.stringContaining(`${NASTY.length} points stored, 0 refused`) });
    }
    expect((await run(["export", "-o", "again.jsonl", ...at(other)])).code).toBe(0);
    expect(await contentOf("again.jsonl")).toEqual(NASTY_CONTENT);
    await other.stop();
  },
  TEST_MS,
);

test(
  "upload takes what export wrote, under its own source",
  async () => {
    const name = "u.csv.zst";
    await run(["export", "nasty.*", "--filter", "source=s", "-o", name, ...at()]);
    expect((await run(["upload", name, "--source", `up-${name}`, "--strict", ...at()])).code).toBe(0);
    await run(["export", "nasty.*", "--filter", `source=up-${name}`, "-o", "up.jsonl", ...at()]);
    const mine = NASTY.filter(({ source }) => source === "s").map((point) => ({ ...point, source: `up-${name}` }));
    expect(await contentOf("up.jsonl")).toEqual(mine.map(exactly).sort());
  },
  TEST_MS,
);

describe("a long one", () => {
  const COUNT = 100_000;
  let whole: Buffer;

  beforeAll(async () => {
    async function* points(): AsyncIterable<Point> {
      const tags = { device: "d", site: "a long enough name that the file has some size" };
      for (let i = 0; i < COUNT; i++) yield { metric: `long.m${i % 3}`, value: i / 8, timeUs: T0_US + i * 1_000, tags };
    }
    const connection = new Connection(server.grpc);
    await uploadAll(connection, batchesOf(points(), "s"));
    connection.close();
    whole = await printed(["export", "long.*", "-o", "-", ...at()]);
    expect(whole.toString().split("\n").length).toBe(COUNT + 1);
  }, TEST_MS);

  test(
    "killed at any moment goes on, and becomes the same file",
    async () => {
      const random = randomOf(11);
      const command = ["export", "long.*", "-o", "long.jsonl.gz", ...at()];
      const bytes = gzipSync(whole, { level: 1 }).length;
      for (const share of [random(), random(), random(), random()].sort()) {
        await runUntil(() => sizeOf("long.jsonl.gz.part") > share * bytes, command);
      }
      if (!existsSync(path("long.jsonl.gz"))) expect((await run(command)).code).toBe(0);
      expect(gunzipSync(readFileSync(path("long.jsonl.gz"))).equals(whole)).toBe(true);
    },
    TEST_MS,
  );

  test(
    "goes on when the server is killed and comes back, and says so",
    async () => {
      // An export whose last rows were under way when the server went notices nothing: then another is cut.
      for (let told = ""; !told.includes("(UNAVAILABLE); trying again in");) {
        rmSync(path("cut.jsonl"), { force: true });
        const exporting = run(["export", "long.*", "-o", "cut.jsonl", ...at()]);
        while (!existsSync(path("cut.jsonl.part")) && !existsSync(path("cut.jsonl"))) await Bun.sleep(1);
        const { grpc } = server;
        server.kill("SIGKILL");
        await server.exited;
        server = await startServerProcess({ data: SERVED, args: ["--grpc", grpc] });
        const { code, err } = await exporting;
        expect({ code, err }).toMatchObject({ code: 0 });
        told = err;
      }
      expect(readFileSync(path("cut.jsonl")).equals(whole)).toBe(true);
    },
    TEST_MS,
  );

  test(
    "an import that was killed goes on, and all of it is there in the end",
    async () => {
      const part = whole.subarray(0, whole.lastIndexOf("\n", whole.length / 3) + 1);
      writeFileSync(path("long.jsonl"), part);
      const other = await startServerProcess({ data: join(dir.path, "long") });
      const command = ["import", "long.jsonl", ...at(other)];
      const { code } = await runUntil(() => sizeOf("long.jsonl.import-progress") > 0, command);
      // Else it was done before it was seen.
      if (code !== 0) expect((await run(command)).code).toBe(0);
      expect((await printed(["export", "-o", "-", ...at(other)])).equals(part)).toBe(true);
      expect(existsSync(path("long.jsonl.import-progress"))).toBe(false);
      await other.stop();
    },
    TEST_MS,
  );

  test(
    "into a pipe whose reader leaves is no failure",
    async () => {
      const shell = `"$@" | head -n 1`;
      const command = [...watchpostCommand(false), "export", "long.*", "-o", "-", ...at()];
      const child = Bun.spawn(["bash", "-o", "pipefail", "-c", shell, "bash", ...command], { stderr: "pipe" });
      const [line, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect({ code: await child.exited, err }).toEqual({ code: 0, err: "" });
      expect(line).toStartWith('{"metric":"long.m0","source":"s","tags":{"device":"d",');
    },
    TEST_MS,
  );
});

test(
  "what cannot be read, or is none, is named with its place",
  async () => {
    await run(["export", "nasty.*", "--filter", "source=s", "-o", "d.jsonl.zst", ...at()]);
    const whole = readFileSync(path("d.jsonl.zst"));
    writeFileSync(path("torn.jsonl.zst"), Buffer.concat([whole, whole.subarray(0, whole.length - 2)]));
    await run(["export", "nasty.*", "--filter", "source=s", "-o", "d.parquet", ...at()]);
    writeFileSync(path("torn.parquet"), readFileSync(path("d.parquet")).subarray(0, 400));
    writeFileSync(path("wrong.csv"), "a,b\n1,2\n");
    const none = '{"metric":"nasty.x","value":1,"timestamp":1}\n{oops\n';
    const { code, err } = await run(
      ["import", "torn.jsonl.zst", "torn.parquet", "nowhere", "wrong.csv", "-", ...at()],
      {
        stdin: none,
      },
    );
    expect(code).toBe(1);
    for (const sentence of [
      "torn.jsonl.zst cannot be read after line 20: it ends within a zstd frame",
      "torn.parquet cannot be read: parquet file invalid",
      "nowhere cannot be read: ENOENT",
      'wrong.csv:1 the CSV header is "a,b"; wanted columns metric, value',
      "-:1 has no source; wanted one, or --source for those that have none",
      "-:2 is no JSON",
    ]) {
      expect(err).toContain(sentence);
    }
  },
  TEST_MS,
);

describe("what cannot be meant is said, with exit code 2", () => {
  for (const [args, sentence] of [
    [["export"], "required option '-o, --output <file>' not specified"],
    [["export", "-o", "x.csv", "--from", "soon"], '--from is "soon"; wanted ISO 8601'],
    [["import", "x", "--batch", "0"], "wanted a whole number from 1 to 10000"],
  ] as const) {
    test(args.join(" "), async () => {
      expect(await run(args)).toMatchObject({ code: 2, err: expect.stringContaining(sentence) });
    });
  }

  for (const [name, format, sentence] of [
    ["x.txt", undefined, "wanted a name that ends with .jsonl, .csv or .parquet, or --format"],
    ["-", "parquet", "Parquet goes into a file"],
    ["x.parquet.gz", undefined, "it is packed inside, see --compress"],
  ] as const) {
    test(`export -o ${name}`, () => {
      expect(() => exportTarget(name, format, undefined)).toThrow(sentence);
    });
  }
});

/** The last line of every series and time. */
async function distinctOf(bytes: AsyncIterable<Uint8Array>, source: string): Promise<string[]> {
  const last = new Map<string, Point>();
  for await (const point of pointsOf("recording", bytes)) {
    const sent = { ...point, source };
    last.set(exactly({ ...sent, value: 0 }), sent);
  }
  return [...last.values()].map(exactly).sort();
}

test(
  "a recording comes back as its distinct points, the last line of each",
  async () => {
    const recording = gunzipSync(readFileSync(join(import.meta.dir, "../../src/cli/demo-data/machine.jsonl.gz")));
    const file = path("recording.jsonl");
    writeFileSync(file, recording.subarray(0, recording.lastIndexOf("\n", 1_000_000) + 1));
    const recorded = await startServerProcess({ data: join(dir.path, "machine") });
    expect((await run(["import", file, "--source", "machine", "--strict", ...at(recorded)])).code).toBe(0);
    expect((await run(["export", "-o", "machine.csv.zst", ...at(recorded)])).code).toBe(0);
    await recorded.stop();
    const expected = await distinctOf(Bun.file(file).stream(), "machine");
    const found = await contentOf("machine.csv.zst");
    expect(found.length).toBe(expected.length);
    // Compared as one text: the difference of two such lists would be printed as a whole.
    expect(found.join("\n") === expected.join("\n")).toBe(true);
  },
  TEST_MS,
);
