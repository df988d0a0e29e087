/** kill -9 while devices are found, registered and changed: what was answered is there, and a stream tells each change once. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../src/client/connection.ts";
import { devicePages, registerDevice, updateDevice } from "../../src/client/devices.ts";
import { followDevices } from "../../src/client/follow-devices.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { Device, DeviceEvent } from "../../src/wire/gen/devices_pb.ts";
import { ownPort } from "../support/own-port.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const KILLS = 4;

test("killed again and again: nothing that was answered is lost, and no change is told twice or left out", async () => {
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
  const random = randomOf(seed);
  using dir = tempDir("devices-kill");
  const options = { data: join(dir.path, "data"), args: ["--grpc", `127.0.0.1:${ownPort()}`] };
  let server = await startServerProcess(options);
  const connection = new Connection(server.grpc);
  const leave = new AbortController();
  const told: DeviceEvent[] = [];
  const wrong: string[] = [];
  const following = (async () => {
    let snapshots = 0;
    for await (const news of followDevices(connection, {}, { signal: leave.signal })) {
      if (news.kind === "change") told.push(news.event);
      else if (++snapshots > 1) wrong.push("a second snapshot");
    }
  })();

  /** The revision that was answered last. */
  const answered = new Map<string, bigint>();
  const sent = new Set<string>();
  let isWorking = true;
  const whileRunning = async (step: () => Promise<void>) => {
    while (isWorking) {
      try {
        await step();
      } catch (error) {
        // Cut off, or made before the answer was lost.
        if (error instanceof WatchpostError && error.status !== "UNAVAILABLE" && error.status !== "ALREADY_EXISTS")
          wrong.push(error.message);
      }
      await Bun.sleep(2);
    }
  };
  let next = 0;
  const working = [
    whileRunning(async () => {
      const id = `r${next++}`;
      answered.set(id, (await registerDevice(connection, { device: { deviceId: id, name: "n" } })).revision);
    }),
    whileRunning(async () => {
      const ids = [...answered.keys()];
      if (ids.length === 0) return;
      const id = ids[Math.floor(random() * ids.length)];
      const device = { deviceId: id, name: `n${random()}` };
      answered.set(id, (await updateDevice(connection, { device, fields: ["name"] })).revision);
    }),
    whileRunning(async () => {
      const id = `f${sent.size}`;
      const body = JSON.stringify({ source: "gw", points: [{ metricName: "t", value: 1, tags: { device: id } }] });
      const headers = { "content-type": "application/json" };
      const address = `http://${server.http}/analytics.DataIngestion/UploadBatch`;
      const response = await fetch(address, { method: "POST", headers, body }).catch(() => undefined);
      if (response?.ok) sent.add(id);
    }),
  ];
  for (let kill = 0; kill < KILLS; kill++) {
    const [before, sentBefore] = [answered.size, sent.size];
    while (answered.size < before + 10 || sent.size < sentBefore + 10) await Bun.sleep(5);
    await Bun.sleep(random() * 200);
    server.kill("SIGKILL");
    await server.exited;
    server = await startServerProcess(options);
  }
  isWorking = false;
  await Promise.all(working);

  const all = new Map<string, Device>();
  const list = async () => {
    for await (const { devices } of devicePages(connection, {}))
      for (const device of devices) all.set(device.deviceId, device);
  };
  const isFound = () => [...sent].every((id) => all.get(id)?.status === "online");
  // The channel may not have found the server again yet.
  for (let i = 0; i < 200 && !isFound(); i++, await Bun.sleep(50)) await list().catch(() => {});
  expect({ seed, found: isFound() }).toEqual({ seed, found: true });
  for (const [id, revision] of answered) expect(all.get(id)!.revision >= revision).toBe(true);
  const isAll = () => [...all.values()].every(({ deviceId, revision }) => latest(told, deviceId) >= revision);
  for (let i = 0; i < 200 && !isAll(); i++) await Bun.sleep(50);
  expect({ seed, told: isAll(), wrong }).toEqual({ seed, told: true, wrong: [] });
  const names = told.map(({ cursor }) => cursor);
  expect(new Set(names).size).toBe(names.length);
  for (const { deviceId, revision } of all.values()) {
    const own = told.filter(({ device }) => device!.deviceId === deviceId);
    expect({ seed, deviceId, first: own[0]?.kind }).toEqual({ seed, deviceId, first: "registered" });
    const revisions = own.filter(({ kind }) => kind !== "status").map(({ device }) => Number(device!.revision));
    const from = revisions[0];
    expect({ seed, deviceId, revisions }).toEqual({
      ...{ seed, deviceId },
      revisions: Array.from({ length: Number(revision) - from + 1 }, (_, i) => from + i),
    });
  }
  expect(server.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  leave.abort();
  await following;
  connection.close();
  await server.stop();
}, 180_000);

function latest(told: readonly DeviceEvent[], id: string): bigint {
  return told.reduce((most, { device, kind }) => {
    return device!.deviceId === id && kind !== "status" && device!.revision > most ? device!.revision : most;
  }, -1n);
}
