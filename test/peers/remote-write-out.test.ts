/** Debian's VictoriaMetrics and Prometheus as receivers: every point is there once, whoever is killed meanwhile. */
import { expect } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { encodedLabels, encodeWriteRequest } from "../../src/edge/remote-write/write-request.ts";
import { packSnappy } from "../../src/wire/pack-snappy.ts";
import { killAtExit } from "../bench/cleanup.ts";
import { program, testNeeding } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const SERIES = 50;
const SAMPLES = 1_000;
const POINTS = SERIES * SAMPLES;
/** Samples of each series that are sent at once. */
const SENT_AT_ONCE = 100;
const DEADLINE_MS = 60_000;
const POLL_MS = 50;
/** All of it is read each time. */
const READ_EVERY_MS = 500;

/** Ten a second of each series, until now. */
const END_MS = Math.floor(Date.now() / 1_000) * 1_000;
const timeMsOf = (sample: number) => END_MS - (SAMPLES - sample) * 100;
const valueOf = (series: number, sample: number) => series * SAMPLES + sample;

interface Peer {
  readonly name: string;
  /** Answers once it serves. */
  readonly ready: string;
  command(port: number, directory: string): string[];
  /** How it is killed: what VictoriaMetrics has acknowledged is on its disk seconds later. */
  readonly signal: NodeJS.Signals;
  /** Times and values of each series. */
  read(url: string): Promise<Map<number, readonly (readonly [timeMs: number, value: number])[]>>;
}

const VICTORIA: Peer = {
  name: "victoria-metrics",
  ready: "/health",
  signal: "SIGTERM",
  command: (port, directory) => [
    "victoria-metrics",
    `-storageDataPath=${directory}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    // A point that comes twice, as after a kill, is one.
    "-dedup.minScrapeInterval=1ms",
  ],
  async read(url) {
    const response = await fetch(`${url}/api/v1/export?match[]=plant_reading`);
    const lines = (await response.text()).split("\n").filter((line) => line !== "");
    return new Map(
      lines.map((line) => {
        const { metric, values, timestamps } = JSON.parse(line);
        return [Number(metric.device.slice(1)), timestamps.map((timeMs: number, i: number) => [timeMs, values[i]])];
      }),
    );
  },
};

const PROMETHEUS: Peer = {
  name: "prometheus",
  ready: "/-/ready",
  signal: "SIGKILL",
  command: (port, directory) => [
    "prometheus",
    "--config.file=/dev/null",
    `--storage.tsdb.path=${directory}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.enable-remote-write-receiver",
    "--log.level=warn",
  ],
  async read(url) {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent("plant_reading[1h]")}`);
    const { data } = (await response.json()) as {
      data: { result: { metric: { device: string }; values: [number, string][] }[] };
    };
    return new Map(
      data.result.map(({ metric, values }) => {
        const points = values.map(([timeS, value]) => [Math.round(timeS * 1_000), Number(value)] as const);
        return [Number(metric.device.slice(1)), points];
      }),
    );
  },
};

async function until(what: string, isSo: () => Promise<boolean> | boolean, pollMs = POLL_MS): Promise<void> {
  const giveUpAt = Date.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`waited ${DEADLINE_MS} ms in vain until ${what}`);
    await Bun.sleep(pollMs);
  }
}

async function startPeer(peer: Peer, port: number, directory: string) {
  const child = killAtExit(
    Bun.spawn(peer.command(port, directory), { stdin: "ignore", stdout: "ignore", stderr: "ignore" }),
  );
  await until(`${peer.name} answers`, () =>
    fetch(`http://127.0.0.1:${port}${peer.ready}`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return child;
}

function requestOf(from: number): Uint8Array<ArrayBuffer> {
  const rows = SERIES * SENT_AT_ONCE;
  const seriesIds = Uint32Array.from({ length: rows }, (_, i) => i % SERIES);
  const sampleOf = (i: number) => from + Math.floor(i / SERIES);
  const timesUs = Float64Array.from({ length: rows }, (_, i) => timeMsOf(sampleOf(i)) * 1_000);
  const values = Float64Array.from({ length: rows }, (_, i) => valueOf(i % SERIES, sampleOf(i)));
  const labelsOf = (id: number) =>
    encodedLabels([
      ["__name__", "plant.reading"],
      ["device", `d${id}`],
    ]);
  const order = Uint32Array.from(seriesIds.keys());
  return packSnappy(encodeWriteRequest({ seriesIds, timesUs, values }, order, labelsOf).bytes);
}

async function metricOf(server: ServerProcess, name: string): Promise<number> {
  const text = await fetch(`http://${server.http}/metrics`).then((response) => response.text());
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

const HEADERS = { "content-encoding": "snappy", "content-type": "application/x-protobuf" };
const SENT = 'watchpost_remote_write_points_total{result="sent"}';

async function everyPointArrivesOnce(peer: Peer): Promise<void> {
  using directory = tempDir("remote-write-out");
  const [data, peerData] = [join(directory.path, "data"), join(directory.path, "peer")];
  const port = ownPort();
  const start = () =>
    startServerProcess({
      data,
      env: {
        WATCHPOST_REMOTE_WRITE_URL: `http://127.0.0.1:${port}/api/v1/write`,
        WATCHPOST_REMOTE_WRITE_BATCH_POINTS: "500",
        WATCHPOST_REMOTE_WRITE_BATCH_WAIT: "20ms",
        WATCHPOST_REMOTE_WRITE_BACKOFF_MAX: "200ms",
        WATCHPOST_REMOTE_WRITE_CONNECTIONS: "2",
        // So that sealing is met, too.
        WATCHPOST_STORE_HEAD_POINTS_MAX: "15000",
      },
    });
  let child = await startPeer(peer, port, peerData);
  let server = await start();
  try {
    const peerGone = Promise.withResolvers<void>();
    const sendAll = async () => {
      for (let from = 0; from < SAMPLES; from += SENT_AT_ONCE) {
        if (from === SAMPLES / 2) await peerGone.promise;
        const body = requestOf(from);
        await until("points are taken", () =>
          fetch(`http://${server.http}/api/v1/write?source=gw`, { method: "POST", body, headers: HEADERS }).then(
            async (response) => {
              if (response.status === 400) throw new Error(await response.text());
              await response.body?.cancel();
              return response.status === 204;
            },
            () => false,
          ),
        );
      }
    };
    const sending = sendAll();
    sending.catch(() => {});
    await until("some are there", async () => (await metricOf(server, SENT)) > POINTS / 8);
    server.kill();
    await server.exited;
    server = await start();
    await until("more are there", async () => (await metricOf(server, SENT)) > POINTS / 4);
    child.kill(peer.signal);
    await child.exited;
    peerGone.resolve();
    await sending;
    await until("it is told that nothing gets through", () =>
      server.log().some(({ msg }) => String(msg).startsWith("remote write: it is tried again until it works")),
    );
    if (peer === PROMETHEUS) await rm(join(peerData, "lock"), { force: true });
    child = await startPeer(peer, port, peerData);
    let read = new Map<number, readonly (readonly [number, number])[]>();
    const isAll = async () => {
      read = await peer.read(`http://127.0.0.1:${port}`);
      return [...read.values()].reduce((sum, points) => sum + points.length, 0) >= POINTS;
    };
    await until("all are there", isAll, READ_EVERY_MS);
    expect(read.size).toBe(SERIES);
    for (const [series, points] of read) {
      const wanted = Array.from({ length: SAMPLES }, (_, i) => [timeMsOf(i), valueOf(series, i)]);
      expect(points.toSorted(([a], [b]) => a - b)).toEqual(wanted as never);
    }
    expect(await server.stop()).toBe(0);
  } finally {
    server.kill();
    child.kill();
    await Promise.all([server.exited, child.exited]);
  }
}

testNeeding([program("victoria-metrics")])("VictoriaMetrics has every point once", () =>
  everyPointArrivesOnce(VICTORIA),
);
testNeeding([program("prometheus")])("Prometheus has every point once", () => everyPointArrivesOnce(PROMETHEUS));
