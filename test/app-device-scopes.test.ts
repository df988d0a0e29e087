/** Devices, status, changes and forwarding of the whole server, with tokens for everything and for one site; over gRPC. */
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startServer, type RunningServer } from "../src/app.ts";
import { createToken } from "../src/client/access.ts";
import { createAnnotation } from "../src/client/annotations.ts";
import { ask } from "../src/client/ask.ts";
import { encodeBatch } from "../src/client/batch.ts";
import { listBridges } from "../src/client/bridges.ts";
import { Connection } from "../src/client/connection.ts";
import { getDelivery } from "../src/client/delivery.ts";
import { devicePages, getDevice, importDevices, registerDevice, updateDevice } from "../src/client/devices.ts";
import { followDevices } from "../src/client/follow-devices.ts";
import { createIssue } from "../src/client/issues.ts";
import { createSession } from "../src/client/sessions.ts";
import { allChanges, followChanges, watchStatus } from "../src/client/server.ts";
import { uploadAll } from "../src/client/upload.ts";
import { loadConfig } from "../src/config/load.ts";
import type { WatchpostError } from "../src/model/errors.ts";
import { systemClock } from "../src/model/system-clock.ts";
import { Alerts } from "../src/wire/gen/alerts_pb.ts";
import { ServerStatusSchema, type ServerStatus } from "../src/wire/gen/server_pb.ts";
import { spawn } from "./log/harness.ts";
import { tempDir } from "./support/server-process.ts";

const dir = tempDir("device-scopes");
let server: RunningServer;
let admin: Connection;
let berlin: Connection;

beforeAll(async () => {
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
  const silent = () => {};
  const logger = { info: silent, warn: silent, error: silent, debug: silent };
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, { spawn, logger, clock: systemClock, onFatal });
  const first = new Connection(server.grpcAddress);
  admin = new Connection(server.grpcAddress, {
    token: (await createToken(first, { name: "me", role: "admin" })).secret,
  });
  first.close();
  const { secret } = await createToken(admin, { name: "berlin", role: "operator", scope: { sites: ["berlin"] } });
  berlin = new Connection(server.grpcAddress, { token: secret });
  await registerDevice(admin, { device: { deviceId: "pump", site: "berlin" } });
  await registerDevice(admin, { device: { deviceId: "fan", site: "hamburg" } });
  await send("pump", "fan", "found");
  for (let isOnline = false; !isOnline;) {
    isOnline = (await getDevice(admin, "pump")).device!.status === "online";
  }
});

afterAll(async () => {
  for (const connection of [admin, berlin]) connection.close();
  await server.close();
  dir[Symbol.dispose]();
});

async function send(...sources: string[]) {
  for (const source of sources) await uploadAll(admin, [encodeBatch([{ metric: "t", value: 1, tags: {} }], source)]);
}

async function idsOf(connection: Connection): Promise<string[]> {
  const pages = await Array.fromAsync(devicePages(connection, {}));
  return pages.flatMap(({ devices }) => devices.map(({ deviceId }) => deviceId));
}

const failure = (run: Promise<unknown>) =>
  run.then(
    () => undefined,
    ({ status, message }: WatchpostError) => [status, message],
  );

/** The first that is as wanted. */
async function statusOf(connection: Connection, isWanted: (status: ServerStatus) => boolean): Promise<ServerStatus> {
  for await (const status of watchStatus(connection, 500)) if (isWanted(status)) return status;
  throw new Error("the stream has ended");
}

test("devices of another site are not there, and not to be had", async () => {
  expect(await idsOf(berlin)).toEqual(["pump"]);
  const [unseen, nobody] = await Promise.all([failure(getDevice(berlin, "fan")), failure(getDevice(berlin, "nobody"))]);
  expect(unseen).toEqual(["NOT_FOUND", 'there is no device "fan"']);
  expect(nobody).toEqual(["NOT_FOUND", 'there is no device "nobody"']);
  const device = { deviceId: "fan", site: "berlin" };
  const ONE = 'wanted one in the scope of "berlin": sites berlin';
  const taken = ["INVALID_ARGUMENT", `device.device_id is "fan"; ${ONE}`];
  expect(await failure(registerDevice(berlin, { device, replace: true }))).toEqual(taken);
  expect(await failure(updateDevice(berlin, { device, fields: ["site"] }))).toEqual(unseen);
  const away = { deviceId: "pump", site: "hamburg" };
  const moved = await failure(updateDevice(berlin, { device: away, fields: ["site"] }));
  expect(moved).toEqual(["INVALID_ARGUMENT", `device.site is "hamburg"; ${ONE}`]);
  const content = Buffer.from("device_id,site\nfan,berlin\n");
  const { problems } = await importDevices(berlin, { format: "csv", content, isDryRun: true });
  expect(problems).toEqual([`line 2: device.device_id is "fan"; ${ONE}`]);
});

test("a device that gets another site leaves open streams at once, and comes back", async () => {
  const over = new AbortController();
  const stream = followDevices(berlin, {}, { signal: over.signal });
  const first = (await stream.next()).value!;
  expect(first.kind === "snapshot" && first.devices.map(({ deviceId }) => deviceId)).toEqual(["pump"]);
  for (const [site, kind] of [
    ["hamburg", "left"],
    ["berlin", "updated"],
  ]) {
    const next = stream.next();
    await updateDevice(admin, { device: { deviceId: "pump", site }, fields: ["site"] });
    const told = (await next).value!;
    expect(told).toMatchObject({ kind: "change", event: { kind, device: { deviceId: "pump" } } });
    expect(await idsOf(berlin)).toEqual(kind === "left" ? [] : ["pump"]);
  }
  over.abort();
});

test("the status is that of what is in scope, and says nothing of the server", async () => {
  const whole = await statusOf(admin, ({ series }) => series === 3n);
  expect([whole.devices, whole.scope]).toEqual([3n, ""]);
  let isSending = true;
  const sending = (async () => {
    while (isSending) await send("pump", "fan");
  })();
  const part = await statusOf(berlin, ({ pointsPerS }) => pointsPerS > 0);
  isSending = false;
  await sending;
  expect([part.scope, part.devices, part.series]).toEqual(["sites berlin", 1n, 1n]);
  expect(part.devicesByStatus).toMatchObject({ online: 1n, never_seen: 0n });
  // Nothing else is set.
  const { time, scope, pointsPerS, recentPointsPerS, series, devices, devicesByStatus } = part;
  const told = { time: time!, scope, pointsPerS, recentPointsPerS, series, devices, devicesByStatus };
  expect(part).toEqual(create(ServerStatusSchema, told));
});

async function texts(connection: Connection, ...kinds: string[]): Promise<string[]> {
  return (await Array.fromAsync(allChanges(connection, kinds))).map(({ text }) => text);
}

test("changes are told of what is in scope", async () => {
  const over = new AbortController();
  const following = followChanges(berlin, { kinds: [], last: 1 }, { signal: over.signal });
  await following.next();
  const next = following.next();
  await updateDevice(admin, { device: { deviceId: "fan", name: "The fan" }, fields: ["name"] });
  await updateDevice(admin, { device: { deviceId: "pump", name: "The pump" }, fields: ["name"] });
  expect((await next).value!.text).toBe("The pump (pump) was changed: name");
  over.abort();
  const [all, seen] = [await texts(admin), await texts(berlin)];
  // That it was moved away happened elsewhere.
  const changed = (what: string) => `pump was changed: ${what}`;
  expect(all.filter((text) => text === changed("site"))).toHaveLength(2);
  expect(seen).toEqual([
    "The pump (pump) was changed: name",
    changed("site"),
    "pump is online: heard for the first time",
    "pump was registered",
  ]);
  expect(all.some((text) => text.includes("fan"))).toBe(true);
});

test("alerts, notes, issues and sessions are told by what they are about, and by where that is now", async () => {
  for (const device of ["pump", "fan"]) {
    const published = { rule: "leak", labels: { device }, title: `Leak at ${device}`, severity: "high" };
    await ask(admin, Alerts.method.publishAlert, published, {});
    await createAnnotation(admin, { text: `oil of ${device}`, pin: { device } });
    await createIssue(admin, { title: `mend ${device}`, links: { devices: [device] } });
    await createSession(admin, { sessionId: `s-${device}`, title: `about ${device}`, topic: { devices: [device] } });
  }
  await createSession(admin, { sessionId: "open", title: "about nothing" });
  const kinds = ["alert", "annotation", "issue", "session"];
  const of = (device: string) => [
    `session s-${device} was opened: about ${device}`,
    `Issue ${device === "pump" ? 1 : 2} was opened: mend ${device}`,
    `Note on ${device} created: oil of ${device}`,
    `Fired: Leak at ${device}`,
  ];
  const open = "session open was opened: about nothing";
  expect(await texts(berlin, ...kinds)).toEqual([open, ...of("pump")]);
  expect(await texts(admin, ...kinds)).toEqual([open, ...of("fan"), ...of("pump")]);
  await updateDevice(admin, { device: { deviceId: "fan", site: "berlin" }, fields: ["site"] });
  expect(await texts(berlin, ...kinds)).toEqual([open, ...of("fan"), ...of("pump")]);
  await updateDevice(admin, { device: { deviceId: "fan", site: "hamburg" }, fields: ["site"] });
  expect(await texts(berlin, ...kinds)).toEqual([open, ...of("pump")]);
});

test("of forwarding what is of sources in scope; brokers are about the whole server", async () => {
  expect(await getDelivery(berlin)).toMatchObject({ nodeId: "", upstreams: [], origins: [] });
  expect((await getDelivery(admin)).nodeId).not.toBe("");
  const [status, message] = (await failure(listBridges(berlin)))!;
  expect([status, message]).toEqual(["PERMISSION_DENIED", expect.stringContaining("sees part of this server")]);
});
