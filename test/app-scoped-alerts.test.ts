/** The whole server: what two people see and do of alerts who each have a token for one site. */
import { expect, test } from "bun:test";
import { startServer, type RunningServer } from "../src/app.ts";
import { Connection } from "../src/client/connection.ts";
import { followAlerts } from "../src/client/follow-alerts.ts";
import { loadConfig } from "../src/config/load.ts";
import { systemClock } from "../src/model/system-clock.ts";
import { AlertChange } from "../src/wire/gen/alerts_pb.ts";
import { spawn } from "./log/harness.ts";
import { tempDir } from "./support/server-process.ts";

const RULE = { name: "hot", metric: "temp", severity: "high", condition: { threshold: { above: 90 } } };
const PATIENCE_MS = 60_000;

interface Answer {
  readonly status: number;
  readonly body: {
    readonly code?: string;
    readonly message?: string;
    readonly secret?: string;
    readonly alerts?: readonly {
      readonly id: string;
      readonly labels: Record<string, string>;
      acknowledgedBy?: string;
    }[];
    readonly incidents?: readonly { readonly active: string }[];
    readonly rules?: readonly { readonly series: string; readonly firing: string }[];
    readonly silences?: readonly { readonly id: string; readonly scope?: { readonly sites: string[] } }[];
    readonly silence?: { readonly id: string; readonly scope?: { readonly sites: string[] } };
  };
}

async function start(data: string): Promise<RunningServer> {
  const flags = { data, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
  const logger = { info() {}, warn() {}, error() {}, debug() {} };
  const onFatal = (error: Error) => {
    throw error;
  };
  return startServer(config, { spawn, logger, clock: systemClock, onFatal });
}

async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endsAtMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > endsAtMs) throw new Error(`not so after ${PATIENCE_MS} ms: ${isSo}`);
    await Bun.sleep(20);
  }
}

/** What one reads of the stream, as devices and what became of their alerts; and when it came. */
class Follower {
  readonly said: string[] = [];
  readonly #abort = new AbortController();
  readonly #connection: Connection;
  readonly #devices = new Map<string, string>();
  ended = "";

  constructor(server: RunningServer, token: string) {
    this.#connection = new Connection(server.grpcAddress, { token });
    void this.#read().catch((error: unknown) => void (this.ended = String(error)));
  }

  close(): void {
    this.#abort.abort();
    this.#connection.close();
  }

  async #read(): Promise<void> {
    const options = { signal: this.#abort.signal };
    for await (const news of followAlerts(this.#connection, { includeAcknowledged: true }, options)) {
      if (news.kind === "snapshot") {
        this.said.push(...news.alerts.map(({ id, labels }) => `${this.#nameOf(id, labels)} stands`), "snapshot");
        continue;
      }
      const { id, labels, change, removed } = news.alert;
      this.said.push(`${this.#nameOf(id, labels)} ${AlertChange[change].toLowerCase()}${removed ? " removed" : ""}`);
    }
  }

  #nameOf(id: string, labels: Record<string, string>): string {
    const device = labels["device"];
    if (device !== undefined) this.#devices.set(id, device);
    return this.#devices.get(id) ?? "unknown";
  }
}

test("two sites, two people, and a device that goes from one to the other", async () => {
  using dir = tempDir("scoped-alerts");
  let server = await start(dir.path);
  const ask = async (token: string, method: string, body: object = {}): Promise<Answer> => {
    const response = await fetch(`http://${server.httpAddress}/analytics.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token !== "" && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  };
  const done = async (token: string, method: string, body: object = {}): Promise<Answer["body"]> => {
    const answer = await ask(token, method, body);
    expect([method, answer.status, answer.body.message ?? ""]).toEqual([method, 200, ""]);
    return answer.body;
  };
  const refused = async (token: string, method: string, body: object) => {
    const { status, body: said } = await ask(token, method, body);
    expect([method, status >= 400]).toEqual([method, true]);
    return `${said.code}: ${said.message}`;
  };
  const made = async (name: string, role: string, by: string, scope: object = {}) =>
    (await done(by, "Access/CreateToken", { name, role, scope })).secret!;

  const admin = await made("admin", "admin", "");
  const berlin = await made("ann", "operator", admin, { sites: ["berlin"] });
  const hamburg = await made("ben", "operator", admin, { sites: ["hamburg"] });
  const gateway = await made("gateway-7", "ingest", admin, { sources: ["gw-7"] });
  await done(admin, "Alerts/PutRule", { rule: RULE });
  await done(admin, "Devices/RegisterDevice", { device: { deviceId: "pump", site: "berlin" } });
  await done(admin, "Devices/RegisterDevice", { device: { deviceId: "fan", site: "hamburg" } });
  const points = ["pump", "fan"].map((device) => ({ metricName: "temp", value: 95, tags: { device } }));
  await done(admin, "DataIngestion/UploadBatch", { source: "gw-7", points });
  const devicesOf = async (token: string) => {
    const { alerts = [] } = await done(token, "Alerts/ListAlerts");
    return alerts.map(({ labels }) => labels["device"]).sort();
  };
  await eventually(async () => (await devicesOf(admin)).length === 2);
  expect([await devicesOf(berlin), await devicesOf(hamburg)]).toEqual([["pump"], ["fan"]]);
  expect((await done(berlin, "Alerts/ListIncidents")).incidents).toMatchObject([{ active: "1" }]);
  expect((await done(berlin, "Alerts/ListRules")).rules).toMatchObject([{ series: "1", firing: "1" }]);

  const idOf = async (device: string) => {
    const { alerts = [] } = await done(admin, "Alerts/ListAlerts");
    return alerts.find(({ labels }) => labels["device"] === device)!.id;
  };
  const [pump, fan] = [await idOf("pump"), await idOf("fan")];
  const missing = (id: string) => `not_found: there is no alert ${JSON.stringify(id)}`;
  for (const id of [fan, "nothing"]) {
    expect(await refused(berlin, "Alerts/AcknowledgeAlert", { id })).toBe(missing(id));
    expect(await refused(berlin, "Alerts/GetAlertHistory", { id })).toBe(missing(id));
  }
  await done(berlin, "Alerts/AcknowledgeAlert", { id: pump });

  const all = { rule: "door", labels: { source: "gw-7", device: "door" } };
  await done(gateway, "Alerts/PublishAlert", all);
  const elsewhere = { rule: "door", labels: { source: "gw-8" } };
  expect(await refused(gateway, "Alerts/PublishAlert", elsewhere)).toBe(
    'invalid_argument: labels is "source=gw-8"; wanted source, device or site in the scope of "gateway-7": sources gw-7',
  );
  expect(await refused(berlin, "Alerts/ListReceivers", {})).toStartWith(
    "permission_denied: ann sees part of this server",
  );

  const endsAt = new Date(Date.now() + 3_600_000).toISOString();
  const { silence } = await done(berlin, "Alerts/PutSilence", { silence: { matchers: ["alertname=hot"], endsAt } });
  expect(silence!.scope!.sites).toEqual(["berlin"]);

  const [ann, ben] = [new Follower(server, berlin), new Follower(server, hamburg)];
  await eventually(() => ann.said.includes("snapshot") && ben.said.includes("snapshot"));
  expect([ann.said.splice(0), ben.said.splice(0)]).toEqual([
    ["pump stands", "snapshot"],
    ["fan stands", "snapshot"],
  ]);
  const device = { deviceId: "pump", site: "hamburg" };
  await done(admin, "Devices/UpdateDevice", { device, fields: ["site"] });
  await eventually(() => ann.said.length > 0 && ben.said.length > 0);
  expect([ann.said.splice(0), ben.said.splice(0)]).toEqual([["pump moved removed"], ["pump moved"]]);
  expect([await devicesOf(berlin), await devicesOf(hamburg)]).toEqual([[], ["fan", "pump"]]);
  expect(await refused(berlin, "Alerts/CommentAlert", { id: pump, text: "gone?" })).toBe(missing(pump));

  await done(admin, "Access/RevokeToken", { token: "ann" });
  await eventually(() => ann.ended !== "");
  expect(ann.ended).toContain("the token was revoked");
  ann.close();
  ben.close();

  await server.close();
  server = await start(dir.path);
  try {
    expect(await devicesOf(hamburg)).toEqual(["fan", "pump"]);
    // It was made for Berlin, and nothing of Berlin is left that it could hold back.
    expect((await done(hamburg, "Alerts/ListSilences")).silences ?? []).toEqual([]);
    const kept = (await done(admin, "Alerts/ListSilences")).silences;
    expect(kept).toMatchObject([{ id: silence!.id, scope: { sites: ["berlin"] } }]);
  } finally {
    await server.close();
  }
}, 120_000);
