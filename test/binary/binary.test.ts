/** The compiled executable, where it can see neither its source nor node_modules. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { testNeeding } from "../support/needs.ts";
import {
  canHideTree,
  startServerProcess,
  tempDir,
  watchpostCommand,
  type ServerProcess,
} from "../support/server-process.ts";

const root = join(import.meta.dir, "../..");
const buf = join(root, "node_modules/.bin/buf");
const recording = join(root, "src/cli/demo-data/machine.jsonl.gz");
const dir = tempDir("binary");
let server: ServerProcess;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  args: readonly string[],
  options: { stdin?: string; command?: readonly string[] } = {},
): Promise<Ran> {
  const child = Bun.spawn([...(options.command ?? watchpostCommand(true)), ...args], {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
    stdin: new Blob([options.stdin ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

beforeAll(async () => {
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
});

afterAll(async () => {
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

testNeeding([canHideTree() ? false : "mount namespaces (unshare -m)"])("runs where it sees no source tree", () => {
  expect(readdirSync(`/proc/${server.pid}/root${root}`)).toEqual([]);
});

test("says its version and what it can do; refuses what it does not know", async () => {
  expect((await run(["--version"])).out).toMatch(/^watchpost \d+\.\d+\.\d+ \([0-9a-z]+\+?\)\n$/);
  const help = await run(["--help"]);
  for (const command of ["serve", "upload", "watch", "query", "demo", "config"])
    expect(help.out).toContain(`\n  ${command}`);
  const unknown = await run(["serve", "--colour"]);
  expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("unknown option '--colour'") });
  expect(await run(["sevre"])).toMatchObject({ code: 2, err: expect.stringContaining("(Did you mean serve?)") });
});

test("simulates a fleet from a scenario, over a bad network, and misses nothing", async () => {
  const scenario = `
network: { latency: 5ms, loss: 1%, disconnects: 600/h }
faults: [{ kind: corrupt, rate: 60/h }]
fleets: [{ profile: factory, devices: 20, interval: 1s, name: binary }]`;
  const args = ["simulate", "-", "--from", "-5m", "--duration", "2s", "--json", "--server", server.grpc];
  const { code, out } = await run(args, { stdin: scenario });
  const { sent, refused, stored, missing } = JSON.parse(out) as Record<string, number>;
  expect({ code, missing, stored }).toEqual({ code: 0, missing: 0, stored: sent - refused });
  expect(sent).toBeGreaterThan(29_000);
  expect(refused).toBeGreaterThan(0);
}, 120_000);

test("refuses an address that others reach, a directory in use, and a wrong setting, each with a sentence", async () => {
  const data = ["--data", join(dir.path, "other")];
  expect(await run(["serve", ...data, "--grpc", "0.0.0.0:0"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("or say --insecure if the network is yours alone"),
  });
  const free = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  expect(await run(["serve", "--data", join(dir.path, "data"), ...free])).toMatchObject({
    code: 2,
    err: expect.stringContaining(`in use by another Watchpost, process ${server.pid}`),
  });
  expect(await run(["serve", ...data, "--log-format", "xml"])).toMatchObject({
    code: 2,
    err: expect.stringContaining('log.format is "xml" (--log-format): wanted auto or pretty or json'),
  });
  expect(await run(["serve", ...data, "--grpc", server.grpc, "--http", "127.0.0.1:0"])).toEqual({
    code: 1,
    out: "",
    err: `error: gRPC cannot listen on ${server.grpc}: the address is in use by another program\n`,
  });
  expect(await run(["serve", ...data, "--grpc", "127.0.0.1:0", "--http", server.http])).toMatchObject({
    code: 1,
    err: expect.stringContaining(`HTTP cannot listen on ${server.http}`),
  });
});

test("a session is joined, talked in and left", async () => {
  const call = async (method: string, data: string) => {
    const address = `http://${server.grpc}/analytics.Collaboration/${method}`;
    const { out, err } = await run(["curl", "--http2-prior-knowledge", "--protocol", "grpc", "-d", data, address], {
      command: [buf],
    });
    expect(err).toBe("");
    return Bun.JSONL.parse(out.replaceAll(/\n(?!\{)/g, "")) as {
      metadata?: { event?: string };
      messages?: { number: string; message: string }[];
    }[];
  };
  const said = '{"message":"it rattles","metadata":{"client_message_id":"1"}}';
  const got = await call("JoinSession", `{"userId":"ann","sessionId":"pump-7"}${said}${said}`);
  const events = got.map(({ metadata }) => metadata?.event);
  expect(events).toEqual(["snapshot", "snapshot_end", "joined", "confirmed", "confirmed"]);
  const [{ messages }] = await call("ListMessages", '{"sessionId":"pump-7"}');
  expect(messages!.map(({ number, message }) => `${number} ${message}`)).toEqual([
    "1 ann joined",
    "2 it rattles",
    "3 ann left",
  ]);
});

test("is reflected, healthy and callable through buf curl", async () => {
  const call = (method: string, data: string) =>
    run(["curl", "--http2-prior-knowledge", "--protocol", "grpc", "-d", data, `http://${server.grpc}/${method}`], {
      command: [buf],
    });
  const list = await run(
    ["curl", "--http2-prior-knowledge", "--protocol", "grpc", "--list-services", `http://${server.grpc}`],
    {
      command: [buf],
    },
  );
  expect(list.out.trim().split("\n").sort()).toEqual([
    "analytics.Access",
    "analytics.Alerts",
    "analytics.Collaboration",
    "analytics.Dashboard",
    "analytics.DataIngestion",
    "analytics.Devices",
    "analytics.Nodes",
    "analytics.SavedDashboards",
    "analytics.Server",
    "grpc.health.v1.Health",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
  ]);
  expect((await call("grpc.health.v1.Health/Check", '{"service":"analytics.Dashboard"}')).out).toContain("SERVING");
  const upload =
    '{"source":"buf","points":[{"metricName":"buf.x","value":1}]}{"points":[{"metricName":"?","value":1}]}';
  expect(JSON.parse((await call("analytics.DataIngestion/UploadData", upload)).out)).toMatchObject({
    pointsProcessed: 1,
    pointsFailed: 1,
  });
  const wrong = await call("analytics.Dashboard/QueryRange", '{"metric":"a","stepMs":-1}');
  expect(JSON.parse(wrong.err)).toMatchObject({
    code: "invalid_argument",
    message: "step_ms is -1; wanted 0 (raw points) to 34560000000",
    details: [{ type: "google.rpc.BadRequest" }],
  });
}, 120_000);

describe("from the command line", () => {
  test("a recording goes in and comes out again, each point once", async () => {
    const there = ["--server", server.grpc];
    const sent = await run(["upload", "-", "--source", "lab", ...there], {
      stdin: `${new TextDecoder().decode(Bun.gunzipSync(await Bun.file(recording).bytes()))}no json\n`,
    });
    expect(sent.err).toContain("29,962 points stored, 0 refused, 1 bad line skipped");
    expect(sent.err).toContain("-:29963 is no JSON");
    const range = ["--from", "2013-01-01", "--to", "2015-01-01", ...there];
    const csv = await run(["query", "temperature_f", "--csv", ...range]);
    expect(csv.out.trim().split("\n").length - 1).toBe(22_683);
    const cold = await run(["query", "temperature_f", "--json", "--step", "1d", "--function", "min", ...range]);
    const below = cold.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ value }) => value < 40);
    expect(below.map(({ timestamp }) => timestamp.slice(0, 10))).toEqual(["2013-12-16", "2014-02-08", "2014-02-09"]);
    const none = await run(["query", "nothing", ...range]);
    expect(none).toMatchObject({ code: 0, out: expect.stringContaining("no points in this range") });
  }, 120_000);

  test("watch sees what is uploaded meanwhile, and ends with a summary", async () => {
    const watching = run(["watch", "live.*", "--json", "--for", "6s", "--server", server.grpc]);
    const csv = 'metric,value,room\nlive.t,21.5,"a, ""b"""\n';
    await Bun.sleep(500);
    expect((await run(["upload", "-", "--source", "csv", "--server", server.grpc], { stdin: csv })).code).toBe(0);
    const { code, out, err } = await watching;
    expect(code).toBe(0);
    expect(JSON.parse(out.trim().split("\n")[0])).toMatchObject({
      metric: "live.t",
      value: 21.5,
      tags: { room: 'a, "b"' },
    });
    expect(err).toContain("live.t:csv");
  }, 120_000);

  test("devices are imported, found, watched and shown", async () => {
    const there = ["--server", server.grpc];
    const csv = "device_id,site,parent,sensor,unit,precision\nboiler,cellar,gw-1,temperature,°C,1\ngw-1,cellar,,,,\n";
    const imported = await run(["device", "import", "-", "--format", "csv", ...there], { stdin: csv });
    expect(imported).toEqual({ code: 0, out: "registered 2, updated 0, unchanged 0\n", err: "" });
    const point = '{"metric":"temperature","value":61.25,"tags":{"device":"boiler"}}\n';
    expect((await run(["upload", "-", "--source", "gw-1", ...there], { stdin: point })).code).toBe(0);
    const died = await run(["device", "report", "gw-1", "death", "--reason", "no power", ...there]);
    expect(died).toMatchObject({ code: 0, out: "reported gw-1  offline\n" });
    const page = await run(["device", "boiler", ...there]);
    expect(page.out).toContain("\nReason       gw-1 is offline\n");
    expect(page.out).toMatch(/\ntemperature +61\.3 +°C /);
    const list = await run(["devices", "--site", "cellar", ...there]);
    expect(list.out).toContain("2 devices: 1 offline, 1 stale\n");
  }, 120_000);

  test("what cannot be read is said", async () => {
    expect(await run(["upload", "/nowhere", "--source", "s", "--server", server.grpc])).toMatchObject({
      code: 1,
      err: expect.stringContaining("/nowhere cannot be read"),
    });
    expect((await run(["query", "x", "--from", "soon", "--server", server.grpc])).err).toContain(
      '--from is "soon"; wanted',
    );
  });
});

test("plain curl: JSON calls, Server-Sent Events, health, metrics", async () => {
  const url = `http://${server.http}`;
  const post = (method: string, body: string) =>
    fetch(`${url}/${method}`, { method: "POST", body, headers: { "content-type": "application/json" } });
  const ack = await post(
    "analytics.DataIngestion/UploadBatch",
    '{"source":"c","points":[{"metricName":"curl.x","value":3}]}',
  );
  expect(await ack.json()).toEqual({ batches: "1", pointsProcessed: "1" });
  const range = await (await post("analytics.Dashboard/QueryRange", '{"metric":"curl.*"}')).json();
  expect(range).toMatchObject({ series: [{ metric: "curl.x", source: "c", values: [3] }], pointsTotal: "1" });
  const bad = await post(
    "analytics.Dashboard/QueryRange",
    '{"metric":"x","from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"}',
  );
  expect(bad.status).toBe(400);
  expect(await bad.json()).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("a time before to"),
  });

  const live = await fetch(`${url}/live?metric=curl.*`);
  expect(live.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  for await (const chunk of live.body!) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("data:")) break;
  }
  expect(JSON.parse(/data: (.*)/.exec(text)![1])).toMatchObject({
    snapshot: true,
    metrics: [{ name: "curl.x:c", value: 3 }],
  });
  expect((await fetch(`${url}/live`)).status).toBe(400);
  expect(await (await fetch(`${url}/readyz`)).text()).toBe("ready\n");
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('watchpost_points_total{result="stored"}');
  expect((await fetch(`${url}/nothing`)).status).toBe(404);
}, 120_000);

test("SIGTERM ends open streams, seals everything and exits 0; the next start has it all", async () => {
  const data = join(dir.path, "stopping");
  const first = await startServerProcess({ data, binary: true });
  const upload = await run(["upload", "-", "--source", "s", "--server", first.grpc], {
    stdin: '{"metric":"m","value":7}\n',
  });
  expect(upload.err).toContain("1 point stored");
  const live = await fetch(`http://${first.http}/live?metric=*`);
  const reading = live.text();
  expect(await first.stop()).toBe(0);
  expect(await reading).toContain("the server is shutting down");
  expect(existsSync(join(data, "watchpost.pid"))).toBe(false);
  const second = await startServerProcess({ data, binary: true });
  const out = await run(["query", "m", "--csv", "--server", second.grpc]);
  expect(out.out).toMatch(/^metric,value,timestamp,source\nm,7,[^,]+,s\n$/);
  expect(await second.stop()).toBe(0);
}, 120_000);
