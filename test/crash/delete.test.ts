/** Deletion over the whole server: under load, through kill -9, and of series that come back. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeBatch, type Point } from "../../src/client/batch.ts";
import { deleteSeries, listSeries } from "../../src/client/catalog.ts";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const START_US = 1_700_000_000_000_000;
const DEVICES = 100;
const GOING = DEVICES / 2;

/** Round `number`: one point of each device. */
function round(number: number): Point[] {
  return Array.from({ length: DEVICES }, (_, device) => ({
    metric: device < GOING ? "goes" : "stays",
    value: number,
    timeUs: START_US + number * 1_000_000,
    tags: { device: `d${device}` },
  }));
}

function connected(server: ServerProcess) {
  const connection = new Connection(server.grpc);
  return {
    connection,
    send: (from: number, to: number) => {
      const batches = Array.from({ length: to - from }, (_, i) => encodeBatch(round(from + i), "s"));
      return uploadAll(connection, batches);
    },
    /** The values of each metric's series, apart where they differ. */
    async stored(metric: string): Promise<string[]> {
      const { series } = await queryRange(connection, { metric });
      return [...new Set(series.map(({ values }) => values.join()))];
    },
    counted: async (metric: string) => Number((await listSeries(connection, { metric })).total),
    [Symbol.dispose]: () => connection.close(),
  };
}

/** Small enough that the first rounds are sealed. */
const settings = { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000" };

test("killed right after the answer nothing comes back; before, all is there; what is sent again is new", async () => {
  using dir = tempDir("delete");
  const data = join(dir.path, "data");
  {
    const server = await startServerProcess({ data, env: settings });
    using client = connected(server);
    await client.send(0, 130);
    expect(Number((await deleteSeries(client.connection, { metric: "goes", dryRun: true })).series)).toBe(GOING);
    server.kill("SIGKILL");
    await server.exited;
  }
  {
    const server = await startServerProcess({ data, env: settings });
    using client = connected(server);
    expect([await client.counted("*"), await client.stored("goes")]).toEqual([
      DEVICES,
      [Array.from({ length: 130 }, (_, i) => i).join()],
    ]);
    await client.send(130, 132);
    expect(Number((await deleteSeries(client.connection, { metric: "goes" })).series)).toBe(GOING);
    server.kill("SIGKILL");
    await server.exited;
  }
  for (const end of ["SIGKILL", "SIGTERM"] as const) {
    const server = await startServerProcess({ data, env: settings });
    using client = connected(server);
    expect(server.log().filter(({ damage }) => damage !== undefined)).toEqual([]);
    expect([await client.counted("goes"), await client.stored("goes")]).toEqual([0, []]);
    expect(await client.stored("stays")).toEqual([Array.from({ length: 132 }, (_, i) => i).join()]);
    if (end === "SIGTERM") {
      await client.send(131, 133);
      expect(await client.stored("goes")).toEqual(["131,132"]);
    }
    server.kill(end);
    await server.exited;
  }
  const server = await startServerProcess({ data, env: settings });
  using client = connected(server);
  expect([await client.counted("goes"), await client.stored("goes")]).toEqual([GOING, ["131,132"]]);
  await server.stop();
}, 120_000);

test("under load: no sender is troubled, and what was sent after the answer is all there", async () => {
  using dir = tempDir("delete");
  const server = await startServerProcess({ data: join(dir.path, "data"), env: settings });
  using client = connected(server);
  await client.send(0, 5);
  let number = 5;
  let over = false;
  async function* batches() {
    while (!over) {
      yield encodeBatch(round(number++), "s");
      await new Promise((resolve) => void setImmediate(resolve));
    }
  }
  const sending = uploadAll(client.connection, batches());
  using other = connected(server);
  for (let deletion = 0; deletion < 4; deletion++) {
    const answering = deleteSeries(other.connection, { metric: "goes" });
    await Promise.all([answering, other.stored("*")]);
    expect(Number((await answering).series)).toBe(GOING);
    const first = number;
    while (number < first + 5) await Bun.sleep(1);
  }
  const last = (await deleteSeries(other.connection, { metric: "goes" }), number);
  while (number < last + 10) await Bun.sleep(1);
  over = true;
  const { pointsFailed } = await sending;
  expect(pointsFailed).toBe(0);
  const wanted = Array.from({ length: number - last - 1 }, (_, i) => last + 1 + i);
  const [goes, ...differing] = await other.stored("goes");
  expect(differing).toEqual([]);
  expect(goes.split(",").map(Number)).toEqual(expect.arrayContaining(wanted));
  expect(goes.split(",").length).toBeLessThan(number);
  expect(await other.stored("stays")).toEqual([Array.from({ length: number }, (_, i) => i).join()]);
  await server.stop();
  expect(server.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
}, 120_000);
