/** The command line over a server of its own: usage errors, files of every kind, what query prints. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";

const dir = tempDir("cli");
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data: join(dir.path, "data") });
});

afterAll(async () => {
  await server.stop();
  dir[Symbol.dispose]();
});

async function run(args: readonly string[], stdin = ""): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([...watchpostCommand(false), ...args], {
    cwd: dir.path,
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out, err };
}

const at = () => ["--server", server.grpc];

describe("what cannot be meant is said, with exit code 2", () => {
  for (const [args, sentence] of [
    [["watch", "--interval", "5"], '"5" is no duration'],
    [["watch", "--filter", "site"], "wanted KEY=VALUE"],
    [["watch", "--aggregate", "mean"], "wanted avg, min, max, sum, count, p50, p95 or p99"],
    [["query"], "missing required argument 'metric'"],
    [["query", "m", "--from", "yesterday"], '--from is "yesterday"; wanted ISO 8601'],
    [["query", "m", "--csv", "--json"], "option '--csv' cannot be used with option '--json'"],
    [["query", "m", "--function", "mean"], "wanted last, first, min, max, avg, sum, count, stddev, rate"],
    [["query", "m", "--group-by", "a,,b"], "wanted tags between commas, such as site,device"],
    [["query", "m", "--fill", "zeros"], "wanted null, previous, linear or zero"],
    [["query", "m", "--top", "1", "--lowest", "1"], "wanted one of them"],
    [["upload", "x"], "required option '--source <name>' not specified"],
    [["upload", "x", "--source", "s", "--batch", "10001"], "wanted a whole number from 1 to 10000"],
    [["upload", "x", "--source", "s", "--speed", "2"], "--speed and --rebase-now go with --replay"],
    [["demo", "--speed", "fast"], "wanted a number above 0"],
    [["serve", "--grpc", "50051"], '"50051" is no address'],
    [["serve", "--log-format", "xml"], 'log.format is "xml" (--log-format)'],
    [["serve", "--grpc", "0.0.0.0:0"], "--insecure"],
  ] as const) {
    test(args.join(" "), async () => {
      expect(await run(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(sentence) });
    });
  }
});

test("help tells defaults that can be given", async () => {
  const [watch, demo] = await Promise.all([run(["watch", "--help"]), run(["demo", "--help"])]);
  expect(watch.out).toContain("(default: 1s)");
  expect(watch.out).not.toContain("{}");
  expect(demo.out.replaceAll(/\s+/g, " ")).toContain("in this directory (default: a temporary one)");
});

describe("upload", () => {
  test("takes JSON Lines, CSV, gzip and standard input together; what cannot be read is said, the others go on", async () => {
    const lines = (metric: string, count: number) =>
      Array.from(
        { length: count },
        (_, i) => `{"metric":"${metric}","value":${i},"timestamp":${1_700_000_000 + i}}\n`,
      ).join("");
    writeFileSync(join(dir.path, "a.jsonl"), lines("files.a", 20_000));
    writeFileSync(join(dir.path, "b.jsonl.gz"), Bun.gzipSync(lines("files.b", 7)));
    writeFileSync(
      join(dir.path, "c.csv"),
      'metric,value,timestamp,site\r\nfiles.c,1,2026-01-01,"north, 1"\r\nfiles.c,x,,\r\n',
    );
    writeFileSync(join(dir.path, "cut.jsonl.gz"), Bun.gzipSync(lines("files.cut", 7)).subarray(0, 40));
    writeFileSync(join(dir.path, "empty.jsonl"), "");
    mkdirSync(join(dir.path, "folder"));
    const files = ["a.jsonl", "nowhere", "b.jsonl.gz", "folder", "c.csv", "cut.jsonl.gz", "empty.jsonl", "-"];
    const { code, err } = await run(
      ["upload", ...files, "--source", "s", ...at()],
      '{"metric":"files.d","value":4}\n{oops\n',
    );
    expect(code).toBe(1);
    for (const sentence of [
      "nowhere cannot be read",
      "folder cannot be read",
      "cut.jsonl.gz cannot be read",
      'c.csv:3 value is "x"; wanted a number',
      "-:2 is no JSON",
      "20,009 points stored, 0 refused, 2 bad lines skipped",
    ]) {
      expect(err).toContain(sentence);
    }
  });

  test("sends what it has read: soon, when the file breaks off, and at Ctrl-C", async () => {
    const lines = Array.from({ length: 12_000 }, (_, i) => `{"metric":"cut.long","value":${Math.sin(i)}}\n`).join("");
    writeFileSync(join(dir.path, "long.jsonl.gz"), Bun.gzipSync(lines).subarray(0, -40));
    const cut = await run(["upload", "long.jsonl.gz", "--source", "s", ...at()]);
    expect(cut.code).toBe(1);
    expect(cut.err).toContain("long.jsonl.gz cannot be read");
    expect(Number(/([\d,]+) points stored/.exec(cut.err)![1].replace(",", ""))).toBeGreaterThan(11_900);

    const child = Bun.spawn([...watchpostCommand(false), "upload", "-", "--source", "s", ...at()], {
      stdin: "pipe",
      stderr: "pipe",
    });
    const stored = async () =>
      (await run(["query", "slow.*", "--csv", ...at()])).out.split("\n").filter((line) => line.startsWith("slow."))
        .length;
    child.stdin.write('{"metric":"slow.a","value":1}\n{"metric":"slow.b","value":2}\n');
    await child.stdin.flush();
    while ((await stored()) < 2) await Bun.sleep(50);
    child.stdin.write('{"metric":"slow.c","value":3}\n{"metric":"slow.d",');
    await child.stdin.flush();
    await Bun.sleep(100);
    child.kill("SIGINT");
    const err = await child.stderr.text();
    expect([await child.exited, err]).toEqual([130, expect.stringContaining("interrupted: 3 points stored")]);
  }, 60_000);

  test("fails where a file has nothing to be read, and says once what is wrong with a header", async () => {
    writeFileSync(join(dir.path, "wrong.csv"), `name;value\n${"a;1\n".repeat(50)}`);
    const wrong = await run(["upload", "wrong.csv", "--source", "s", ...at()]);
    expect(wrong.code).toBe(1);
    expect(wrong.err.split("the CSV header is").length).toBe(2);
    expect(wrong.err).toContain("wrong.csv has no line with a reading");
    expect(wrong.err).toContain("1 bad lines skipped");
  });

  test("tells which points the server refused, and with --strict fails", async () => {
    const readings = '{"metric":"strict.a","value":1}\n{"metric":"no good","value":2}\n';
    const lenient = await run(["upload", "-", "--source", "s", ...at()], readings);
    expect(lenient.err).toContain("batch 0, point 1: ");
    expect(lenient).toMatchObject({ code: 0, err: expect.stringContaining("1 points stored, 1 refused") });
    expect((await run(["upload", "-", "--source", "s", "--strict", ...at()], readings)).code).toBe(1);
  });

  test("replays a recording from now on, in its order and at its speed", async () => {
    const recording = [5, 0, 2].map(
      (s) => `{"metric":"replayed","value":${s},"timestamp":${1_600_000_000 + s * 100}}\n`,
    );
    const replay = ["--replay", "--speed", "1000", "--rebase-now"];
    const sent = await run(["upload", "-", "--source", "s", ...replay, ...at()], recording.join(""));
    expect(sent).toMatchObject({ code: 0, err: expect.stringContaining("3 points stored") });
    const { out } = await run(["query", "replayed", "--from", "-10m", "--to", "2100-01-01", "--json", ...at()]);
    const points = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { value: number; timestamp: string });
    expect(points.map(({ value }) => value)).toEqual([0, 2, 5]);
    const timesMs = points.map(({ timestamp }) => Date.parse(timestamp));
    expect(timesMs.map((ms) => ms - timesMs[0])).toEqual([0, 200, 500]);
  });
});

test("watch for a while without a server fails", async () => {
  const { code, out, err } = await run(["watch", "--for", "1s", "--server", "127.0.0.1:1"]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain("could not watch 127.0.0.1:1: ");
});

describe("query", () => {
  const range = ["--from", "2026-01-01", "--to", "2026-01-02"];

  beforeAll(async () => {
    const readings = [
      {
        metric: "q.b",
        value: 2.5,
        timestamp: "2026-01-01T00:00:01.000001Z",
        tags: { site: 'the "north",\r\n\n1', device: "d" },
      },
      { metric: "q.a", value: -1e-9, timestamp: "2026-01-01T00:01:00Z" },
      { metric: "q.a", value: 3, timestamp: "2026-01-01T00:01:30Z" },
      { metric: "q.a", value: 99, timestamp: "2026-01-02T00:00:00Z" },
    ];
    const sent = await run(
      ["upload", "-", "--source", "q", ...at()],
      readings.map((r) => `${JSON.stringify(r)}\n`).join(""),
    );
    expect(sent.code).toBe(0);
  });

  test("as CSV that upload reads back", async () => {
    const { out } = await run(["query", "q.*", ...range, "--csv", ...at()]);
    expect(out).toBe(
      [
        "metric,value,timestamp,source,device,site",
        "q.a,-1e-9,2026-01-01T00:01:00.000Z,q,,",
        "q.a,3,2026-01-01T00:01:30.000Z,q,,",
        'q.b,2.5,2026-01-01T00:00:01.000001Z,q,d,"the ""north"",\r\n\n1"',
        "",
      ].join("\n"),
    );
    expect((await run(["upload", "-", "--source", "again", "--strict", ...at()], out)).code).toBe(0);
    const again = await run(["query", "q.*", "--filter", "source=again", ...range, "--csv", ...at()]);
    expect(again.out).toBe(out.replaceAll(",q,", ",again,"));
  });

  test("as JSON lines, and of steps", async () => {
    const { out } = await run(["query", "q.b", ...range, "--json", ...at()]);
    expect(JSON.parse(out.split("\n")[0])).toEqual({
      metric: "q.b",
      value: 2.5,
      timestamp: "2026-01-01T00:00:01.000001Z",
      tags: { device: "d", site: 'the "north",\r\n\n1' },
      source: expect.any(String),
      device: "d",
    });
    const steps = await run([
      "query",
      "q.a",
      "--filter",
      "source=q",
      ...range,
      "--step",
      "1h",
      "--function",
      "count",
      "--csv",
      ...at(),
    ]);
    expect(steps.out).toBe("metric,value,timestamp,source\nq.a,2,2026-01-01T00:00:00.000Z,q\n");
  });

  test("groups, fills and takes the first of them", async () => {
    const rows = [
      ["a", "x", 1, "00:00"],
      ["a", "y", 3, "00:00"],
      ["b", "x", 9, "00:00"],
      ["a", "x", 5, "00:02"],
    ].map(([site, device, value, at]) =>
      JSON.stringify({ metric: "q.g", value, timestamp: `2026-01-01T${at}:00Z`, tags: { site, device } }),
    );
    await run(["upload", "-", "--source", "g", ...at()], rows.join("\n"));
    const minutes = ["--from", "2026-01-01", "--to", "2026-01-01T00:03:00Z"];
    const asked = ["query", "q.g", ...minutes, "--step", "1m", "--group-by", "site", "--csv", ...at()];
    const sums = await run([...asked, "--aggregate", "sum", "--fill", "previous", "--lowest", "1"]);
    expect(sums.out).toBe(
      "metric,value,timestamp,source,site\n" +
        "q.g,4,2026-01-01T00:00:00.000Z,,a\nq.g,4,2026-01-01T00:01:00.000Z,,a\nq.g,5,2026-01-01T00:02:00.000Z,,a\n",
    );
    const table = await run(["query", "q.g", ...minutes, "--step", "1h", "--group-by", "site", ...at()]);
    expect(table.out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["TIME", "METRIC", "TAGS", "VALUE"],
      ["2026-01-01T00:00:00.000Z", "q.g", "site=a", "3"],
      ["2026-01-01T00:00:00.000Z", "q.g", "site=b", "9"],
      [""],
    ]);
  });

  test("bounds are told apart to the microsecond", async () => {
    const found = async (from: string, to: string) =>
      (await run(["query", "q.b", "--filter", "source=q", "--from", from, "--to", to, "--csv", ...at()])).out;
    const [before, exactly, after] = [0, 1, 2].map((us) => `2026-01-01T00:00:01.00000${us}Z`);
    expect(await found(exactly, after)).toContain("q.b,2.5");
    expect(await found(before, exactly)).not.toContain("q.b,2.5");
  });

  test("as a table, which says where it is empty or cut", async () => {
    expect((await run(["query", "q.b", "--filter", "source=q", ...range, ...at()])).out).toContain("2.5");
    expect((await run(["query", "q.none", ...at()])).out).toContain("no points in this range");
    const many = await run(["query", "files.a", "--from", "2023-11-01", "--to", "2023-12-01", ...at()]);
    expect(many.out).toContain("the last 200 of 20000 rows; --all shows them");
  });

  test("and watch show the tags that tell series apart", async () => {
    const readings = [1, 2].map((port) => `{"metric":"q.port","value":1,"tags":{"device":"d","port":"${port}"}}\n`);
    await run(["upload", "-", "--source", "q", ...at()], readings.join(""));
    const table = await run(["query", "q.port", ...at()]);
    const watched = await run(["watch", "q.port", "--for", "4s", ...at()]);
    for (const { out } of [table, watched]) {
      for (const text of ["TAGS", "port=1", "port=2"]) expect(out).toContain(text);
    }
  }, 60_000);

  test("backwards is refused", async () => {
    const backwards = await run(["query", "q", "--from", "now", "--to", "-1h", ...at()]);
    expect(backwards).toMatchObject({ code: 2, err: expect.stringContaining("a time before to") });
  });
});

describe("stats", () => {
  test("as a table and as one JSON object", async () => {
    const { out } = await run(["stats", "--json", ...at()]);
    const found = JSON.parse(out) as Record<string, unknown>;
    expect(found).toMatchObject({
      dataDirectory: join(dir.path, "data"),
      diskBudgetBytes: null,
      droppedPoints: 0,
      resolutions: [0, 60_000, 3_600_000].map((resolutionMs) => ({ resolutionMs, ageLimitMs: null })),
    });
    for (const key of ["series", "headPoints", "logBytes", "diskBytes", "diskFreeBytes", "writtenBytes"])
      expect(found[key]).toBeGreaterThan(0);
    const table = await run(["stats", ...at()]);
    expect(table).toMatchObject({ code: 0, err: "" });
    expect(table.out).toMatch(/^Data +.*\nSeries +\d+\nUnsealed +[\d,]+ points/);
    expect(table.out).toMatch(/\nKEPT +POINTS .*\nraw +/);
  });
});
