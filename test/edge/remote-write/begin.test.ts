/** A server whose receiver is not there when it begins: what it takes is not lost, though it is killed before anything is sent. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { unpackSnappy } from "../../../src/wire/snappy.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { samplesIn, type Sample } from "./receiver-rig.ts";

const DEADLINE_MS = 60_000;

async function store(server: ServerProcess, value: number): Promise<void> {
  const url = `http://${server.http}/write?db=gw&precision=s`;
  const response = await fetch(url, { method: "POST", body: `temp,device=d1 value=${value} ${1_800_000_000 + value}` });
  expect(response.status).toBe(204);
}

test("what came before the first request is sent after a kill, what came before it was set is not", async () => {
  using folder = tempDir("remote-write-begin");
  const [data, password] = [join(folder.path, "data"), join(folder.path, "password")];
  await Bun.write(password, "secret\n");
  const port = ownPort();
  const env = {
    WATCHPOST_INGEST_FUTURE_MAX: "366d",
    WATCHPOST_REMOTE_WRITE_URL: `http://127.0.0.1:${port}/push`,
    WATCHPOST_REMOTE_WRITE_USER: "ann",
    WATCHPOST_REMOTE_WRITE_PASSWORD_FILE: password,
    WATCHPOST_REMOTE_WRITE_HEADERS: "x-scope-orgid=plant",
    WATCHPOST_REMOTE_WRITE_LABELS: "node=n1",
    WATCHPOST_REMOTE_WRITE_BATCH_WAIT: "20ms",
    WATCHPOST_REMOTE_WRITE_BACKOFF_MAX: "200ms",
  };
  const before = await startServerProcess({ data, env: { WATCHPOST_INGEST_FUTURE_MAX: "366d" } });
  await store(before, 1);
  expect(await before.stop()).toBe(0);
  const killed = await startServerProcess({ data, env });
  await store(killed, 2);
  killed.kill();
  await killed.exited;
  const server = await startServerProcess({ data, env });
  const samples: Sample[] = [];
  const asked: Headers[] = [];
  using receiver = Bun.serve({
    ...{ port, hostname: "127.0.0.1" },
    fetch: async (request) => {
      asked.push(request.headers);
      samples.push(...samplesIn(unpackSnappy(new Uint8Array(await request.arrayBuffer()), 1_000_000)));
      return new Response(null, { status: 204 });
    },
  });
  try {
    await store(server, 3);
    const giveUpAt = Date.now() + DEADLINE_MS;
    while (samples.length < 2 && Date.now() < giveUpAt) await Bun.sleep(20);
    const series = "__name__=temp,device=d1,node=n1,source=gw";
    expect(samples).toEqual([2, 3].map((value) => ({ series, timeMs: (1_800_000_000 + value) * 1_000, value })));
    expect(asked[0].get("authorization")).toBe(`Basic ${btoa("ann:secret")}`);
    expect(asked[0].get("x-scope-orgid")).toBe("plant");
    expect(await server.stop()).toBe(0);
  } finally {
    server.kill();
    void receiver;
  }
});
