/** Gateways with tokens and a centre that asks for them, in processes of their own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createToken } from "../../src/client/access.ts";
import { ask } from "../../src/client/ask.ts";
import { encodeBatch } from "../../src/client/batch.ts";
import { deliveryText } from "../../src/cli/delivery-text.ts";
import { Connection } from "../../src/client/connection.ts";
import { getDelivery } from "../../src/client/delivery.ts";
import { getDevice, registerDevice, reportDevice, updateDevice } from "../../src/client/devices.ts";
import { queryRange } from "../../src/client/query.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import type { Device } from "../../src/wire/gen/devices_pb.ts";
import { startServerProcess, type ServerProcess } from "../support/server-process.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let centre: CommandRig;
const gateways: ServerProcess[] = [];
let admin: Record<string, string>;

beforeAll(async () => {
  centre = await startCommandRig("upstream-tokens");
  const secret = await centre.ok(["token", "create", "me", "--role", "admin"]);
  admin = { WATCHPOST_TOKEN: secret.trim() };
});

afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await centre.close();
});

const asAdmin = (...args: string[]) => centre.ok(args, { env: admin });
const tokenFile = (name: string) => join(centre.dir, `${name}.token`);

/** Asks a server of its own accord, without a process for it. */
async function asked<R>(address: string, ask: (connection: Connection) => Promise<R>, token?: string): Promise<R> {
  const connection = new Connection(address, token === undefined ? {} : { token });
  try {
    return await ask(connection);
  } finally {
    connection.close();
  }
}

const askCentre = <R>(ask: (connection: Connection) => Promise<R>) =>
  asked(centre.server.grpc, ask, admin.WATCHPOST_TOKEN);

async function makeToken(name: string, scope?: { sources: string[] }): Promise<void> {
  const { secret } = await askCentre((c) => createToken(c, { name, role: "ingest", ...(scope && { scope }) }));
  await Bun.write(tokenFile(name), `${secret}\n`);
}

async function startGateway(data: string, name: string, token = name): Promise<ServerProcess> {
  const env = {
    WATCHPOST_UPSTREAM_ADDRESS: centre.server.grpc,
    WATCHPOST_UPSTREAM_NAME: name,
    WATCHPOST_UPSTREAM_TOKEN_FILE: tokenFile(token),
    WATCHPOST_UPSTREAM_BACKOFF_MIN: "50ms",
    WATCHPOST_UPSTREAM_BACKOFF_MAX: "200ms",
  };
  const gateway = await startServerProcess({ data: join(centre.dir, data), env });
  gateways.push(gateway);
  return gateway;
}

const send = ({ grpc }: ServerProcess, source: string, value: number) => {
  const point = { metric: "t", value, timeUs: Date.UTC(2026, 0, 1) * 1_000 + value, tags: { device: "pump" } };
  return asked(grpc, (connection) => uploadAll(connection, [encodeBatch([point], source)]));
};

async function until<R>(ask: () => Promise<R>, isWanted: (answer: R) => boolean): Promise<R> {
  for (let i = 0; ; i++) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (i === 300) throw new Error(`it stays ${typeof answer === "string" ? answer : Bun.inspect(answer)}`);
    await Bun.sleep(50);
  }
}

const statusOf = ({ grpc }: ServerProcess, isWanted: (text: string) => boolean) =>
  until(
    () => asked(grpc, async (connection) => Bun.stripANSI(deliveryText(await getDelivery(connection), Date.now()))),
    isWanted,
  );

const isDone = (text: string) => / connected for /.test(text) && / 0 points wait(?!.*event)/.test(text);

const valuesAt = (source: string) =>
  askCentre(async (connection) => {
    const { series } = await queryRange(connection, { metric: "t", filters: { source } });
    return series.flatMap(({ values }) => values);
  });

const pumpAtCentre = (isWanted: (device: Device | undefined) => boolean) =>
  until(() => askCentre(async (c) => (await getDevice(c, "pump").catch(() => undefined))?.device), isWanted);

test("a gateway forwards points, devices and alerts of its scope; it is told in words when its token is revoked, and goes on with the next", async () => {
  await makeToken("hall-3", { sources: ["hall-3*"] });
  const gateway = await startGateway("hall-3", "hall-3");
  await asked(gateway.grpc, async (connection) => {
    await registerDevice(connection, { device: { deviceId: "pump", name: "Pump", site: "north" } });
    await ask(connection, Alerts.method.publishAlert, { rule: "disk_full", severity: "high", title: "full" }, {});
  });
  await send(gateway, "hall-3", 1);
  await send(gateway, "elsewhere", 1);
  await statusOf(gateway, (text) => isDone(text) && /elsewhere +0 +0 +0 +1/.test(text));
  await asked(gateway.grpc, async (connection) => {
    await updateDevice(connection, { device: { deviceId: "pump", name: "Pump 3" }, fields: ["name"] });
    await reportDevice(connection, { deviceId: "pump", kind: "death", reason: "unplugged" });
  });
  const pump = await pumpAtCentre((device) => device?.name === "Pump 3" && device.status === "offline");
  expect(pump).toMatchObject({ site: "north", statusReason: "unplugged" });
  const { alerts } = await askCentre((connection) =>
    ask(connection, Alerts.method.listAlerts, { rules: ["disk_full"] }, {}),
  );
  expect(alerts.map(({ labels }) => labels)).toEqual([{ origin: "hall-3" }]);
  expect(await statusOf(gateway, isDone)).not.toContain("refused since");
  expect([await valuesAt("hall-3"), await valuesAt("elsewhere")]).toEqual([[1], []]);

  await asAdmin("token", "revoke", "hall-3");
  const refused = await statusOf(gateway, (text) => text.includes("refused for"));
  expect(refused).toMatch(/the token .*was revoked/);
  expect(refused).toContain("waiting changes nothing: see upstream.token_file");
  await send(gateway, "hall-3", 2);
  await asked(gateway.grpc, (connection) =>
    updateDevice(connection, { device: { deviceId: "pump", name: "Pump 4" }, fields: ["name"] }),
  );
  await Bun.write(tokenFile("hall-3"), "two\nlines\n");
  await statusOf(gateway, (text) => text.includes("has 9 characters that are no token"));
  await makeToken("hall-3", { sources: ["hall-3*"] });
  await send(gateway, "hall-3", 3);
  await statusOf(gateway, isDone);
  expect(await valuesAt("hall-3")).toEqual([1, 2, 3]);
  await pumpAtCentre((device) => device?.name === "Pump 4");
}, 120_000);

test("another gateway's token cannot bring the node, over a restart of the centre, until an admin hands it over", async () => {
  const [gateway] = gateways;
  await gateway.stop();
  await centre.restart();
  const before = await valuesAt("hall-3");
  await makeToken("hall-4");
  const stranger = await startGateway("hall-3", "hall-3", "hall-4");
  await send(stranger, "hall-3", 4);
  const refused = await statusOf(stranger, (text) => text.includes("refused for") && text.includes("1 point waits"));
  expect(refused).toContain('was brought here by another principal than "hall-4" (token)');
  expect(await valuesAt("hall-3")).toEqual(before);
  const logged = /"hall-4" \(token\) was refused as node "hall-3" .* which is brought by "hall-3" \(token\)/;
  expect(centre.server.log().some(({ msg }) => logged.test(String(msg)))).toBe(true);
  const [, node] = /watchpost upstream hand-over (\S+) --to "hall-4"/.exec(refused)!;
  const handOver = ["upstream", "hand-over", node, "--to", "hall-4"];
  const own = await centre.run(handOver, { env: { WATCHPOST_TOKEN: await Bun.file(tokenFile("hall-4")).text() } });
  expect(own.err).toContain("hall-4 has the role ingest, which may not call analytics.DataIngestion/HandOverOrigin");
  expect(await asAdmin(...handOver)).toBe(`node hall-3 (${node}) belongs to hall-4 (token) from now on\n`);
  await statusOf(stranger, isDone);
  expect(await valuesAt("hall-3")).toEqual([...before, 4]);
  expect(await asAdmin("upstream", "status")).toMatch(/from hall-3  connected  by hall-4 \(token\)/);
}, 120_000);
