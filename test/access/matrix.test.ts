/** Who may call what, written down by hand a second time and held against the table, the descriptors and a whole server. */
import { Client, credentials, Metadata, status as GrpcStatus } from "@grpc/grpc-js";
import type { DescFile } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startServer } from "../../src/app.ts";
import { tabled } from "../../src/access/table.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ROLES, type Role } from "../../src/model/access.ts";
import type { WatchpostError } from "../../src/model/errors.ts";
import { spawn } from "../log/harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";
import { accessRig, bare, showing } from "./rig.ts";

/** First letters of the roles that may; "*": whoever calls; "!": those who see part of the server may not. */
const GOLDEN = `
i-oa  DataIngestion UploadData StreamData UploadBatch
-voa  DataIngestion GetDelivery
-voa! DataIngestion ListBridges
---a! DataIngestion Resend ForgetOrigin HandOverOrigin
-voa  Dashboard SubscribeMetrics QueryRange StreamRange ListMetrics ListSeries ListTagValues
-voa! Dashboard GetStoreStats
---a! Dashboard DeleteSeries Backup
-voa  SavedDashboards GetDashboard ListDashboards WatchDashboards
--oa! SavedDashboards PutDashboard DeleteDashboard
-voa  Alerts SubscribeAlerts ListAlerts GetAlertHistory ListIncidents ListSilences GetRule ListRules TestRule
-voa  Alerts PreviewRouting
-voa! Alerts ListPolicies ListReceivers
i-oa  Alerts PublishAlert
--oa  Alerts AcknowledgeAlert ResolveAlert AssignAlert CommentAlert ActOnAlerts PutSilence ExpireSilence
--oa! Alerts PutRule DeleteRule TestReceiver
-voa  Collaboration WatchSession LeaveSession GetSession ListSessions ListMessages ReplaySession ExportSession
-voa  Collaboration GetAnnotation ListAnnotations WatchAnnotations GetIssue ListIssues WatchIssues
--oa  Collaboration JoinSession SendMessage
--oa  Collaboration CreateSession UpdateSession RekeySession CloseSession ReopenSession ImportSession
--oa  Collaboration CreateAnnotation EditAnnotation RemoveAnnotation CreateIssue UpdateIssue CommentIssue
-voa  Devices GetDevice ListDevices WatchDevices WatchLastSeen
i-oa  Devices ReportDevice RegisterDevice UpdateDevice
--oa  Devices ImportDevices
---a  Devices DeleteDevice
-voa  Server WatchStatus ListChanges WatchChanges
--oa! Server ListSlow GetLogLevel
--oa! Nodes ListNodes
---a! Server SetLogLevel
---a! Nodes DrainNode ForgetNode
----  Nodes AnnounceDevice EvaluateRules ExchangeLive TellHeard ReadSharedState QuerySeries DeleteNodeSeries
ivoa  Access WhoAmI
---a! Access CreateToken ListTokens RevokeToken ListDeeds
---a! Access RevokeCertificate ReinstateCertificate ListRevokedCertificates
*     grpc.health.v1.Health Check Watch
ivoa  grpc.reflection.v1.ServerReflection ServerReflectionInfo
ivoa  grpc.reflection.v1alpha.ServerReflection ServerReflectionInfo
i-oa  opentelemetry.proto.collector.metrics.v1.MetricsService Export`;

const ROUTES = `
*     http.healthz http.readyz http.console http.login http.logout influx.ping influx.health
ivoa  http.tunnel http.front
-voa  http.live
-voa! http.metrics
i-oa  influx.write influx.v2.write prometheus.write otlp.metrics`;

interface Line {
  readonly name: string;
  readonly isPublic: boolean;
  readonly roles: ReadonlySet<Role>;
  readonly isForEverything: boolean;
}

function linesOf(text: string, hasService: boolean): Line[] {
  return text
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [who, ...rest] = line.split(/\s+/);
      const [service, names] = hasService ? [rest[0], rest.slice(1)] : ["", rest];
      const prefix = !hasService ? "" : service.includes(".") ? `${service}/` : `analytics.${service}/`;
      const roles = new Set(ROLES.filter((role) => who.includes(role[0])));
      return names.map((name) => ({
        ...{ name: `${prefix}${name}`, isPublic: who === "*", roles, isForEverything: who.endsWith("!") },
      }));
    });
}

const methods = linesOf(GOLDEN, true);
const all = [...methods, ...linesOf(ROUTES, false)];

/** All methods of all descriptors that the sources have. */
async function described(): Promise<string[]> {
  const root = join(import.meta.dir, "../../src/wire/gen");
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith("_pb.ts"));
  const names: string[] = [];
  for (const path of paths) {
    const exported = Object.values((await import(join(root, path))) as Record<string, unknown>);
    for (const file of exported.filter((each) => (each as { kind?: string })?.kind === "file") as DescFile[]) {
      for (const { typeName, methods: own } of file.services)
        names.push(...own.map(({ name }) => `${typeName}/${name}`));
    }
  }
  return names;
}

test("every method of the descriptors and every route of the table is written down, and nothing else", async () => {
  expect(methods.map(({ name }) => name).sort()).toEqual((await described()).sort());
  expect(all.map(({ name }) => name).sort()).toEqual([...tabled()].sort());
});

test("each may be called by those who are written down, in and out of a scope, and by nobody else", async () => {
  const { gate, make } = await accessRig();
  const secrets = new Map<string, string>();
  for (const role of ["admin", ...ROLES.filter((each) => each !== "admin")]) {
    const scope = { sources: ["gw-*"], devices: [], sites: [] };
    secrets.set(role, await make({ name: role, role }));
    secrets.set(`part ${role}`, await make({ name: `part-${role}`, role, scope }));
  }
  const outcome = (name: string, caller: ReturnType<typeof bare>): string => {
    try {
      gate.admit(name, caller);
      return "taken";
    } catch (error) {
      return (error as WatchpostError).status;
    }
  };
  for (const { name, isPublic, roles, isForEverything } of all) {
    expect([name, outcome(name, bare())]).toEqual([name, isPublic ? "taken" : "UNAUTHENTICATED"]);
    for (const role of ROLES) {
      const may = isPublic || roles.has(role);
      const whole = outcome(name, showing(secrets.get(role)!));
      const part = outcome(name, showing(secrets.get(`part ${role}`)!));
      expect([name, role, whole]).toEqual([name, role, may ? "taken" : "PERMISSION_DENIED"]);
      expect([name, role, part]).toEqual([name, role, may && !isForEverything ? "taken" : "PERMISSION_DENIED"]);
    }
  }
});

/** Whatever kind the method is: an empty message, the end of the input, and what the server ends it with. */
function endOf(client: Client, name: string, token: string): Promise<string> {
  const metadata = new Metadata();
  if (token !== "") metadata.set("authorization", `Bearer ${token}`);
  const same = (bytes: Buffer) => bytes;
  const call = client.makeBidiStreamRequest(`/${name}`, same, same, metadata);
  call.on("error", () => {});
  call.on("data", () => {});
  call.end(Buffer.alloc(0));
  return new Promise((resolve) => call.on("status", ({ code }) => resolve(GrpcStatus[code])));
}

test("a whole server refuses over gRPC and HTTP whoever shows nothing, and whoever's role does not suffice", async () => {
  using dir = tempDir("matrix");
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
  const tell = () => {};
  const logger = { info: tell, warn: tell, error: tell, debug: tell };
  const onFatal = (error: Error) => {
    throw error;
  };
  const server = await startServer(config, { spawn, logger, clock: new ManualClock(Date.now()), onFatal });
  const client = new Client(server.grpcAddress, credentials.createInsecure());
  const post = (name: string, token: string, body: object) =>
    fetch(`http://${server.httpAddress}/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token !== "" && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
  const made = async (role: Role, by: string) => {
    const answer = await post("analytics.Access/CreateToken", by, { name: role, role });
    return ((await answer.json()) as { secret: string }).secret;
  };
  try {
    const admin = await made("admin", "");
    const secrets = new Map<Role, string>([["admin", admin]]);
    for (const role of ROLES.filter((each) => each !== "admin")) secrets.set(role, await made(role, admin));
    for (const { name, isPublic, roles } of methods) {
      if (isPublic) continue;
      expect([name, await endOf(client, name, "")]).toEqual([name, "UNAUTHENTICATED"]);
      for (const role of ROLES.filter((each) => !roles.has(each))) {
        expect([name, role, await endOf(client, name, secrets.get(role)!)]).toEqual([name, role, "PERMISSION_DENIED"]);
      }
    }
    const viewer = secrets.get("viewer")!;
    const asked = [
      ["GET", "/metrics", "", 401],
      ["GET", "/metrics", secrets.get("ingest")!, 403],
      ["GET", "/metrics", viewer, 200],
      ["GET", "/live?metric=*", "", 401],
      ["GET", "/live?metric=*", secrets.get("ingest")!, 403],
      ["GET", "/tunnel", "", 401],
      ["GET", "/", "", 401],
      ["GET", "/", viewer, 200],
      ["GET", "/healthz", "", 200],
      ["GET", "/readyz", "", 200],
      ["POST", "/write", "", 401],
      ["POST", "/write", viewer, 403],
      ["POST", "/api/v1/write", viewer, 403],
      ["POST", "/v1/metrics", viewer, 403],
      ["POST", "/api/v2/write", viewer, 403],
    ] as const;
    for (const [method, path, token, status] of asked) {
      const headers: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(`http://${server.httpAddress}${path}`, { method, headers });
      await answer.body?.cancel();
      expect([path, answer.status]).toEqual([path, status]);
    }
  } finally {
    client.close();
    await server.close();
  }
}, 120_000);
