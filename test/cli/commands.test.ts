/** The command line over a server of its own: usage errors, files of every kind, what query prints. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program, testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { commandRunner } from "./command-runner.ts";

const dir = tempDir("cli");
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data: join(dir.path, "data") });
});

afterAll(async () => {
  runner.close();
  await server.stop();
  dir[Symbol.dispose]();
});

const runner = commandRunner(dir.path, () => ({ PATH: process.env["PATH"] ?? "", NO_COLOR: "1" }));
const run = (args: readonly string[], stdin = "", env: Readonly<Record<string, string>> = {}) =>
  runner.run(args, { stdin, env });

const at = () => ["--server", server.grpc];

describe("what cannot be meant is said, with exit code 2", () => {
  for (const [args, sentence] of [
    [["watch", "--interval", "5"], '"5" is no duration'],
    [["watch", "--filter", "site"], "wanted KEY=VALUE"],
    [["watch", "--filter", "site!=a"], "wanted KEY=GLOB: watch knows no !=; query, export, series, top and delete do"],
    [["watch", "--filter", "site=a", "--filter", "site=b"], 'wanted one with alternatives, such as "site=a|b"'],
    [["watch", "--group-by", ""], "wanted tags between commas, such as site,device"],
    [["watch", "--for", "0s"], "wanted whole milliseconds, at least 1ms"],
    [["watch", "--aggregate", "mean"], "wanted avg, min, max, sum, count, p50, p95 or p99"],
    [["query"], "missing required argument 'metric'"],
    [["query", "m", "--from", "yesterday"], '--from is "yesterday"; wanted ISO 8601'],
    [["query", "m", "--from", "2013"], "wanted 2013-01-01 for that year, or 2013.0 for seconds since 1970"],
    [["query", "m", "--function", "max"], "--function is given alone; wanted --step with it"],
    [["query", "m", "--by", "max"], "--by is given alone; wanted --top or --lowest with it"],
    [["query", "m", "--top", "1", "--by", "stddev"], "wanted avg, min, max, sum, last, first or count"],
    [["query", "m", "--step", "0s"], "wanted whole milliseconds, at least 1ms"],
    [["query", "m", "--timeout", "0s"], "wanted whole milliseconds, at least 1ms"],
    [["query", "m", "--filter", "site>=3"], '"site>" is no key; wanted source, metric, device or a tag'],
    [["delete", "m", "--yes", "--filter", "!=3"], '"" is no key'],
    [["series", "--filter", "site==3"], "wanted one = between key and value"],
    [["top", "--filter", "device!"], "wanted KEY=VALUE"],
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
    [["serve", "--config", "nowhere.toml"], "the configuration file nowhere.toml cannot be read"],
    [["series", "--server", ""], '--server is ""; wanted the server\'s gRPC address as host:port'],
    [["series", "--server", "127.0.0.1"], '--server is "127.0.0.1"; wanted'],
    [["upload", "-", "--source", "s", "--server", ":45910"], '--server is ":45910"; wanted'],
    [["watch", "--server", "http://127.0.0.1:8080"], 'without "http://" before it'],
    [["help", "watc"], "unknown command 'watc'\n(Did you mean watch?)"],
    [["nonsense", "--help"], "unknown command 'nonsense'"],
    [["help", "device", "imprt"], "unknown command 'imprt' of watchpost device; wanted one of show, register"],
    [["help", "device", "import", "csv"], "unknown command 'csv' of watchpost device import; it has no parts"],
    [["help", "devise", "import"], "unknown command 'devise'"],
  ] as const) {
    test(args.join(" "), async () => {
      expect(await run(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(sentence) });
    });
  }
});

test("an address from the environment is checked as one of a flag is, and keeps nobody from reading the help", async () => {
  const env = { WATCHPOST_SERVER: "" };
  expect(await run(["stats"], "", env)).toMatchObject({
    code: 2,
    err: expect.stringContaining('WATCHPOST_SERVER is ""'),
  });
  expect(await run(["stats", "--help"], "", env)).toMatchObject({ code: 0, err: "" });
  expect((await run(["stats"], "", { WATCHPOST_SERVER: server.grpc })).code).toBe(0);
});

test("the HTTP address in place of the gRPC one is said at once, also by what tries again", async () => {
  const said = `error: ${server.http}: what answers does not speak gRPC`;
  for (const args of [["series"], ["query", "m"], ["watch"], ["upload", "-", "--source", "s"]]) {
    const { code, err } = await run([...args, "--server", server.http], '{"metric":"m","value":1}\n');
    expect([code, err]).toEqual([2, expect.stringContaining(said)]);
    expect(err).not.toContain("trying again");
  }
}, 120_000);

test("config prints what a file says, named by the flag or by the environment", async () => {
  const file = join(dir.path, "settings.toml");
  writeFileSync(file, 'grpc = "127.0.0.1:7"\n[log]\nlevel = "warn"\n');
  const shown = (await run(["config", "--config", file])).out;
  expect(shown).toMatch(new RegExp(`^grpc = "127.0.0.1:7" +# ${file}$`, "m"));
  expect(shown).toMatch(new RegExp(`^\\[log\\]\nformat = .*\nlevel = "warn" +# ${file}$`, "m"));
  expect(await run(["config"], "", { WATCHPOST_CONFIG: file })).toEqual({ code: 0, out: shown, err: "" });
  // What was printed is a file that says the same.
  writeFileSync(join(dir.path, "printed.toml"), shown);
  const again = (await run(["config", "--config", "printed.toml", "--log-level", "debug"])).out;
  expect(again).toContain('grpc = "127.0.0.1:7"');
  expect(again).toMatch(/^level = "debug" +# --log-level$/m);
});

test("help of a part of a command is that of the part", async () => {
  for (const [command, part] of [
    ["device", "import"],
    ["rules", "test"],
    ["upstream", "resend"],
  ]) {
    const [asked, flag] = await Promise.all([run(["help", command, part]), run([command, part, "--help"])]);
    expect(asked.out).toStartWith(`Usage: watchpost ${command} ${part} `);
    expect(asked).toEqual(flag);
  }
});

test("help tells defaults that can be given", async () => {
  const [watch, demo] = await Promise.all([run(["watch", "--help"]), run(["demo", "--help"])]);
  expect(watch.out).toContain("(default: 1s)");
  expect(watch.out).not.toContain("{}");
  expect(demo.out.replaceAll(/\s+/g, " ")).toContain("in this directory (default: a temporary one)");
  const lists = [["init"], ["token", "create"], ["certificate", "revoke"]];
  const helps = await Promise.all(lists.map((command) => run([...command, "--help"])));
  expect(helps.filter(({ out }) => !out.includes("may be repeated") || out.includes("[])"))).toEqual([]);
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

  test("ends quietly where nobody reads its help to the end", async () => {
    const child = Bun.spawn([...watchpostCommand(false), "upload", "--help"], { stdout: "pipe", stderr: "pipe" });
    await child.stdout.cancel();
    const err = await child.stderr.text();
    expect([await child.exited, err]).toEqual([0, ""]);
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
    // Until it has read them.
    await Bun.sleep(1_000);
    child.kill("SIGINT");
    const err = await child.stderr.text();
    expect([await child.exited, err]).toEqual([130, expect.stringContaining("interrupted: 3 points stored")]);
  }, 120_000);

  test("fails where a file has nothing to be read, and says once what is wrong with a header", async () => {
    writeFileSync(join(dir.path, "wrong.csv"), `name;value\n${"a;1\n".repeat(50)}`);
    const wrong = await run(["upload", "wrong.csv", "--source", "s", ...at()]);
    expect(wrong.code).toBe(1);
    expect(wrong.err.split("the CSV header is").length).toBe(2);
    expect(wrong.err).toContain("wrong.csv has no line with a reading");
    expect(wrong.err).toContain("51 bad lines skipped");
  });

  test("tells which points the server refused, and with --strict fails", async () => {
    const readings = '{"metric":"strict.a","value":1}\n{"metric":"no good","value":2}\n';
    const lenient = await run(["upload", "-", "--source", "s", ...at()], readings);
    expect(lenient.err).toContain('-:2 refused: metric_name is "no good"');
    expect(lenient).toMatchObject({ code: 0, err: expect.stringContaining("1 point stored, 1 refused") });
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
  const { code, out, err } = await run(["watch", "--for", "4s", "--server", "127.0.0.1:1"]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain("could not watch 127.0.0.1:1: ");
});

test("watch says which interval was granted where it is another one", async () => {
  const { err } = await run(["watch", "--interval", "10ms", "--for", "4s", "--json", ...at()]);
  expect(err).toContain("--interval is 10ms; the server grants 1s");
  expect((await run(["watch", "--for", "1500ms", "--json", ...at()])).err).not.toContain("grants");
});

test("watch says that the server went and that it tries again, and goes on when it is back", async () => {
  const data = join(dir.path, "restarted");
  const first = await startServerProcess({ data });
  const target = ["--server", first.grpc];
  await run(["upload", "-", "--source", "s", ...target], '{"metric":"m","value":1}\n');
  const child = Bun.spawn([...watchpostCommand(false), "watch", "m", ...target], {
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const reader = child.stdout.getReader();
  const nextLine = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await nextLine()).toContain("m:s  s  1\n");
  await first.stop();
  const second = await startServerProcess({ data, args: ["--grpc", first.grpc] });
  // A new stream begins with a snapshot.
  expect(await nextLine()).toContain("m:s  s  1\n");
  child.kill("SIGINT");
  expect(await child.stderr.text()).toMatch(
    new RegExp(`^${first.grpc}: .* \\(UNAVAILABLE\\); trying again in \\w+$`, "m"),
  );
  expect(await child.exited).toBe(0);
  await second.stop();
}, 120_000);

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
    const by = (...flags: string[]) => run(["query", "q.g", ...minutes, "--step", "1h", ...flags, "--csv", ...at()]);
    expect((await by("--group-by", "metric", "--aggregate", "sum", "--function", "sum")).out).toBe(
      "metric,value,timestamp,source\nq.g,18,2026-01-01T00:00:00.000Z,\n",
    );
    const twice = await by("--group-by", "site,source", "--group-by", "site", "--function", "count");
    expect(twice.out).toBe(
      "metric,value,timestamp,source,site\nq.g,1.5,2026-01-01T00:00:00.000Z,g,a\nq.g,1,2026-01-01T00:00:00.000Z,g,b\n",
    );
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

  test("the top by another measure than the average, in the time there is", async () => {
    const rows = [
      "low,1,2026-01-01,flat",
      "low,1,2026-01-01T01:00Z,flat",
      "low,-3,2026-01-01,spike",
      "low,4,2026-01-01T01:00Z,spike",
    ];
    await run(["upload", "-", "--source", "t", ...at()], `metric,value,timestamp,device\n${rows.join("\n")}\n`);
    const asked = ["query", "low", ...range, "--step", "1d", "--function", "max", "--csv", "--timeout", "20s", ...at()];
    const raw = ["query", "low", ...range, "--csv", ...at()];
    expect((await run([...raw, "--top", "1"])).out).toContain(",flat\n");
    expect((await run([...raw, "--top", "1", "--by", "max"])).out).toContain(",spike\n");
    expect((await run([...asked, "--lowest", "1", "--by", "min"])).out).toContain("low,1,");
    const late = await run(["query", "low", ...range, "--timeout", "1h", ...at()]);
    expect(late).toMatchObject({ code: 2, err: expect.stringContaining("timeout_ms is 3600000; wanted") });
  });

  test("-0 stays what it is", async () => {
    await run(["upload", "-", "--source", "q", ...at()], '{"metric":"q.zero","value":-0.0,"timestamp":"2026-01-01"}\n');
    const asked = ["query", "q.zero", ...range, ...at()];
    expect((await run([...asked, "--csv"])).out).toContain("\nq.zero,-0,2026-01-01T00:00:00.000Z,q\n");
    expect((await run([...asked, "--json"])).out).toStartWith('{"metric":"q.zero","value":-0,"timestamp":');
  });

  testNeeding([program("script")])("on a terminal with a chart, also where steps are empty", async () => {
    const asked = ["query", "q.a", "--filter", "source=q", "--from", "2026-01-01", "--to", "2026-01-01T00:03:00Z"];
    const command = [...watchpostCommand(false), ...asked, "--step", "10s", "--fill", "null", ...at()].join(" ");
    const child = Bun.spawn(["script", "-qec", command, "/dev/null"], { stdout: "pipe", stdin: "ignore" });
    const out = await child.stdout.text();
    expect(out).toMatch(/NaN\r\n\r\nq\.a q\r\n +3 ┤ .*•/);
    expect(out).toMatch(/2026-01-01T00:01:00Z +2026-01-01T00:01:30Z\r\n$/);
    expect(await child.exited).toBe(0);
  });

  test("what was known at a time", async () => {
    await run(
      ["upload", "-", "--source", "q", ...at()],
      '{"metric":"q.known","value":7,"timestamp":"2026-01-01T00:00:00Z"}\n',
    );
    const known = async (when: string) =>
      (await run(["query", "q.known", ...range, "--csv", "--as-of", when, ...at()])).out;
    expect(await known("-1h")).not.toContain("q.known,7");
    expect(await known("now")).toContain("q.known,7");
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
    expect((await run(["query", "q.none", "--filter", "source=q", ...at()])).out).toBe(
      'no points in this range: no series matches "q.none" and these filters; watchpost series tells which there are\n',
    );
    expect((await run(["query", "q.b", "--filter", "source=q", ...at()])).out).toBe(
      "no points in this range, though 1 series matches; watchpost series tells when they were seen\n",
    );
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
  }, 120_000);

  test("backwards is refused", async () => {
    const backwards = await run(["query", "q", "--from", "now", "--to", "-1h", ...at()]);
    expect(backwards).toMatchObject({ code: 2, err: expect.stringContaining("a time before to") });
  });
});

test("conditions: query, series, top and delete take globs, what is not, and regular expressions", async () => {
  const rows = ["a,north", "b,south", "c,"].map((row) => `c.m,1,2026-01-01,${row}`);
  await run(["upload", "-", "--source", "c", ...at()], `metric,value,timestamp,device,site\n${rows.join("\n")}\n`);
  const devices = async (command: string, ...conditions: string[]) => {
    const filters = conditions.flatMap((condition) => ["--filter", condition]);
    const range = command === "query" ? ["--from", "2026-01-01", "--to", "2026-01-02"] : [];
    const { out } = await run([command, "c.m", "--json", ...filters, ...range, ...at()]);
    const lines = out.split("\n").filter((line) => line !== "" && !line.includes('"list":"newest"'));
    return lines.map((line) => (JSON.parse(line) as { device: string }).device).sort();
  };
  for (const command of ["query", "series", "top"]) {
    expect(await devices(command, "site!=n*|x")).toEqual(["b", "c"]);
    expect(await devices(command, "site!=", "device=~[ac]")).toEqual(["a"]);
    expect(await devices(command, "site!~.*th", "device=?")).toEqual(["c"]);
  }
  const going = async (condition: string) => await run(["delete", "c.m", "--dry-run", "--filter", condition, ...at()]);
  expect((await going("device!=b")).out).toBe("2 series:\n  c.m:c device=a site=north\n  c.m:c device=c\n");
  expect(await going("device!=*")).toMatchObject({ code: 1, err: expect.stringContaining("nothing was deleted") });
  expect(await going("device=~[")).toMatchObject({ code: 2, err: expect.stringContaining("RE2 syntax") });
}, 120_000);

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
