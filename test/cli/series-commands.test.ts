/** `series`, `top` and `delete` over a server of their own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { program, testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { commandRunner } from "./command-runner.ts";

const dir = tempDir("cli-series");
let server: ServerProcess;
const environment = () => ({ PATH: process.env["PATH"] ?? "", NO_COLOR: "1", WATCHPOST_SERVER: server.grpc });
const { run, close } = commandRunner(dir.path, environment);

beforeAll(async () => {
  server = await startServerProcess({ data: join(dir.path, "data") });
  const readings = [
    ["temp", 20.5, "press-2", "2026-01-01T00:00:00Z"],
    ["temp", 21, "press-2", "2026-01-01T00:01:00.250Z"],
    ["temp", 30, "press-1", "2026-01-01T00:00:30Z"],
    ["rpm", 900, "\u001b[31mfan", "2026-01-01T00:00:10Z"],
  ].map(([metric, value, device, timestamp]) => ({ metric, value, timestamp, tags: { device, site: "north" } }));
  const stdin = readings.map((reading) => `${JSON.stringify(reading)}\n`).join("");
  expect((await run(["upload", "-", "--source", "gw"], { stdin })).code).toBe(0);
}, 120_000);

afterAll(async () => {
  close();
  await server.stop();
  dir[Symbol.dispose]();
});

const rows = (out: string) => out.split("\n").map((line) => line.trim().split(/ {2,}/));

test("series: a table by metric, source and tags that cannot steer a terminal, cut where it is told to be", async () => {
  expect(rows((await run(["series"])).out)).toEqual([
    ["METRIC", "SOURCE", "DEVICE", "TAGS", "FIRST SEEN", "LAST SEEN", "VALUE"],
    ["rpm", "gw", "\ufffd[31mfan", "site=north", "2026-01-01T00:00:10Z", "2026-01-01T00:00:10Z", "900"],
    ["temp", "gw", "press-1", "site=north", "2026-01-01T00:00:30Z", "2026-01-01T00:00:30Z", "30"],
    ["temp", "gw", "press-2", "site=north", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "21"],
    [""],
  ]);
  expect((await run(["series", "--limit", "1"])).out).toContain("1 of 3 series; --limit shows more");
  expect((await run(["series", "none"])).out).toBe("no series matched\n");
  const { out } = await run(["series", "t*", "--filter", "device=*-2", "--json"]);
  expect(JSON.parse(out)).toEqual({
    metric: "temp",
    source: "gw",
    device: "press-2",
    tags: { device: "press-2", site: "north" },
    firstSeen: "2026-01-01T00:00:00.000Z",
    lastSeen: "2026-01-01T00:01:00.250Z",
    lastValue: 21,
    rate: expect.any(Number),
  });
}, 120_000);

test("top: the busiest and the newest", async () => {
  const { out } = await run(["top", "--limit", "1"]);
  expect(rows(out).map(([first, , device]) => [first, device])).toEqual([
    ["busiest, of 3 series", undefined],
    ["METRIC", "DEVICE"],
    ["temp", "press-2"],
    [""],
    ["newest, of 3 series", undefined],
    ["METRIC", "DEVICE"],
    ["rpm", "\ufffd[31mfan"],
    [""],
    [""],
  ] as never);
  const lines = (await run(["top", "temp", "--json"])).out.trim().split("\n");
  const listed = lines.map((line) => JSON.parse(line) as { list: string; device: string });
  expect(listed.map(({ list, device }) => `${list} ${device}`)).toEqual([
    "busiest press-2",
    "busiest press-1",
    "newest press-1",
    "newest press-2",
  ]);
}, 120_000);

test("delete: without a terminal only when told so; a dry run shows, what matches nothing fails", async () => {
  const unasked = await run(["delete", "temp"]);
  expect(unasked).toMatchObject({ code: 2, out: "", err: expect.stringContaining("say --yes") });
  const dry = await run(["delete", "temp", "--dry-run"]);
  expect(dry).toMatchObject({ code: 0, err: "" });
  expect(dry.out).toBe("2 series:\n  temp:gw device=press-1 site=north\n  temp:gw device=press-2 site=north\n");
  const none = await run(["delete", "temp", "--filter", "site=south", "--yes"]);
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining('no series matches metric "temp"') });
  expect((await run(["series", "temp", "--json"])).out.trim().split("\n").length).toBe(2);
  expect(await run(["delete", "temp", "--filter", "device=press-1", "--yes"])).toMatchObject({
    code: 0,
    out: "deleted 1 series\n",
  });
  expect((await run(["series", "--json"])).out.trim().split("\n").length).toBe(2);
}, 120_000);

testNeeding([program("script")])(
  "delete: asks on a terminal, and takes only yes for yes",
  async () => {
    const answering = async (answer: string) => {
      const command = [...watchpostCommand(false), "delete", "rpm"].join(" ");
      const child = Bun.spawn(["script", "-qec", command, "/dev/null"], {
        env: environment(),
        stdin: "pipe",
        stdout: "pipe",
      });
      let out = "";
      for await (const bytes of child.stdout) {
        const asked = out.includes("[y/N]");
        out += new TextDecoder().decode(bytes);
        if (!asked && out.includes("[y/N]")) void child.stdin.write(`${answer}\n`);
      }
      return { code: await child.exited, out };
    };
    expect(await answering("")).toMatchObject({ code: 1, out: expect.stringContaining("nothing was deleted") });
    expect(await answering("yes")).toMatchObject({ code: 0, out: expect.stringContaining("deleted 1 series") });
  },
  120_000,
);
