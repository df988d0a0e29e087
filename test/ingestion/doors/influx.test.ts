/** Line protocol over HTTP: by hand, as Telegraf sends it, and by InfluxDB's own client. */
import { InfluxDB, Point } from "@influxdata/influxdb-client";
import { expect, test } from "bun:test";
import { openServer } from "./rig.ts";

const S = 1_700_000_000;

test("what is written is durable when it is answered, and named as the docs say", async () => {
  await using server = await openServer();
  const first = await server.post(
    "/write?db=plant",
    `temp,device=d1 value=21.5,raw=7i ${S}000000000\nload,host=web-1 v=2`,
  );
  expect([first.status, await first.text()]).toEqual([204, ""]);
  expect(first.headers.get("x-influxdb-version")).toBeString();
  const second = await server.post(`/api/v2/write?org=o&bucket=b&precision=s&source=line-7`, `a-b,host=h c\\ d=1 ${S}`);
  expect(second.status).toBe(204);
  const stored = await server.stored();
  expect(stored).toContain(`temp plant device=d1@${S}000=21.5`);
  expect(stored).toContain(`temp_raw plant device=d1@${S}000=7`);
  expect(stored).toContain(`a_b_c_d line-7 host=h@${S}000=1`);
  expect(stored.some((point) => /^load_v web-1@\d+(\.\d+)?=2$/.test(point))).toBe(true);
});

test("without parameters times are nanoseconds and the source is influx; every precision is the same time", async () => {
  await using server = await openServer();
  const [NANO, MICRO, MILLI] = [10n ** 9n, 10n ** 6n, 10n ** 3n];
  const perS = { none: NANO, n: NANO, ns: NANO, u: MICRO, us: MICRO, µ: MICRO, ms: MILLI, s: 1n };
  for (const path of ["/write", "/api/v2/write", "/write?db=&source=", "/api/v2/write?bucket="]) {
    for (const [precision, units] of Object.entries(perS)) {
      const url = new URL(path, server.url);
      if (precision !== "none") url.searchParams.set("precision", precision);
      const answer = await server.post(url.pathname + url.search, `m,p=${precision} value=1 ${BigInt(S) * units}`);
      expect([url.search, answer.status]).toEqual([url.search, 204]);
    }
  }
  await server.post("/write?precision=m", `m,p=m value=1 ${Math.floor(S / 60)}`);
  await server.post("/write?precision=h", `m,p=h value=1 ${Math.floor(S / 3_600)}`);
  const times: Record<string, number> = { m: S - (S % 60), h: S - (S % 3_600) };
  const names = [...Object.keys(perS), "m", "h"].sort();
  expect((await server.stored()).sort()).toEqual(names.map((name) => `m influx p=${name}@${times[name] ?? S}000=1`));
});

test("what is wrong is named with its line, what is right is stored", async () => {
  await using server = await openServer();
  const answer = await server.post(
    "/write?db=d&precision=s",
    `m v=1 ${S}\nm v=oops ${S}\nm v=3 99999999999\nm v=4 ${S + 1}\n`,
  );
  expect(answer.status).toBe(400);
  const { error } = (await answer.json()) as { error: string };
  expect(error).toMatch(/^partial write: line 2: .*"oops".*line 3: .*too far in the future.* dropped=2$/);
  expect(await server.stored()).toEqual([`m_v d@${S}000=1`, `m_v d@${S + 1}000=4`]);
  const { code, message } = (await (await server.post("/api/v2/write?precision=week", "m v=1")).json()) as Record<
    string,
    string
  >;
  expect([code, message]).toEqual(["invalid", 'precision is "week"; wanted ns, us, ms or s']);
  expect(server.told.filter((sentence) => sentence.includes("another protocol"))).toHaveLength(1);
});

test("text is skipped and counted", async () => {
  await using server = await openServer();
  const answer = await server.post("/write?precision=s", `m v=1,s="on" ${S}\nm s="off" ${S}`);
  expect(answer.status).toBe(204);
  expect(await server.stored()).toEqual([`m_v influx@${S}000=1`]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('watchpost_door_left_out_total{door="influx",what="text"} 2');
  expect(metrics).toContain('watchpost_door_points_total{door="influx",result="stored"} 1');
});

test("packed bodies, as Telegraf sends them; what is no packed body or would become too large is refused", async () => {
  await using server = await openServer();
  const lines = `cpu,cpu=cpu-total,host=gw-1 usage_idle=97.5,usage_user=1.25 ${S}000000000\nmem,host=gw-1 used=123456789i ${S}000000000\n`;
  const headers = {
    "content-encoding": "gzip",
    "content-type": "text/plain; charset=utf-8",
    "user-agent": "Telegraf/1.29.1 Go/1.21.5",
  };
  const packed = await server.post(
    "/api/v2/write?bucket=telegraf&org=plant&precision=ns",
    Bun.gzipSync(Buffer.from(lines)),
    headers,
  );
  expect(packed.status).toBe(204);
  expect(await server.stored()).toEqual([
    `cpu_usage_idle gw-1 cpu=cpu-total@${S}000=97.5`,
    `cpu_usage_user gw-1 cpu=cpu-total@${S}000=1.25`,
    `mem_used gw-1@${S}000=123456789`,
  ]);
  expect((await server.post("/write", "m v=1", headers)).status).toBe(400);
  const bomb = Bun.gzipSync(new Uint8Array(80 * 1024 * 1024));
  const refused = await server.post("/write", bomb, headers);
  expect([refused.status, await refused.text()]).toEqual([413, expect.stringContaining("64MiB unpacked")]);
  expect((await server.post("/write", "m v=1", { "content-encoding": "br" })).status).toBe(400);
});

test("sources of requests are told apart, deleted series come again", async () => {
  await using server = await openServer();
  for (const db of ["a", "b", "a"])
    expect((await server.post(`/write?db=${db}&precision=s`, `m v=1 ${S}`)).status).toBe(204);
  expect(await server.stored()).toEqual([`m_v a@${S}000=1`, `m_v b@${S}000=1`]);
  await server.deleteSeries("m_v");
  expect(await server.stored()).toEqual([]);
  const again = `m v=2 ${S + 1}\nm v=3 ${S + 2}`;
  expect((await server.post("/write?db=a&precision=s", again)).status).toBe(204);
  expect(await server.stored()).toEqual([`m_v a@${S + 1}000=2`, `m_v a@${S + 2}000=3`]);
});

test("a tag that is given again counts once, the last of them; more of them than a series has are refused", async () => {
  await using server = await openServer();
  const repeated = `m,${Array.from({ length: 3_000 }, (_, i) => `t=${i}`).join(",")} value=1 ${S}`;
  const many = `m,${Array.from({ length: 40 }, (_, i) => `t${i}=x`).join(",")} a=1,b=2 ${S}`;
  const answer = await server.post("/write?db=d&precision=s", `${repeated}\n${many}`);
  const { error } = (await answer.json()) as { error: string };
  expect(error).toBe(
    "partial write: line 2: has 40 tags; wanted at most 32; line 2: has 40 tags; wanted at most 32 dropped=2",
  );
  expect(await server.stored()).toEqual([`m d t=2999@${S}000=1`]);
});

test("what names no source is refused before anything is read", async () => {
  await using server = await openServer();
  const long = "x".repeat(257);
  const paths = [`/write?db=${long}`, `/api/v2/write?source=${long}`, `/api/v1/write?source=${long}`];
  const headers = { "content-type": "application/json" };
  for (const path of [...paths, `/v1/metrics?source=${long}`]) {
    const answer = await server.post(path, "m v=1", headers);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("wanted at most 256 bytes")]);
  }
});

test("what clients ask before, and wrong methods", async () => {
  await using server = await openServer();
  expect((await fetch(`${server.url}/ping`)).status).toBe(204);
  expect((await fetch(`${server.url}/ping`, { method: "HEAD" })).status).toBe(204);
  expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ status: "pass" });
  const wrong = await fetch(`${server.url}/write`);
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  expect(await (await fetch(server.url)).text()).toContain("POST /api/v2/write");
});

test("InfluxDB's own client writes thousands of points, each once", async () => {
  await using server = await openServer();
  const api = new InfluxDB({ url: server.url, token: "none" }).getWriteApi("org", "lab", "ms", {
    batchSize: 1_000,
    gzipThreshold: 100,
    maxRetries: 0,
  });
  for (let i = 0; i < 3_000; i++) {
    const point = new Point("temperature")
      .tag("device", `d ${i % 3}`)
      .tag("comma", "a,b=c")
      .timestamp(S * 1_000 + i);
    api.writePoint(point.floatField("value", i / 4));
    if (i % 500 === 499) await api.flush();
  }
  await api.close();
  const stored = await server.stored();
  expect(stored).toHaveLength(3_000);
  expect(stored).toContain(`temperature lab comma=a,b=c device=d 1@${S * 1_000 + 1}=0.25`);
});
