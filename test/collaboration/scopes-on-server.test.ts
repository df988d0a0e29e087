/** Sessions, notes and issues of a whole server with tokens for everything and for each of two sites; over gRPC and HTTP. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, type RunningServer } from "../../src/app.ts";
import { createToken, revokeToken } from "../../src/client/access.ts";
import { ask } from "../../src/client/ask.ts";
import { encodeBatch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { registerDevice, updateDevice } from "../../src/client/devices.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { loadConfig } from "../../src/config/load.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { Collaboration, CollaborationMessageSchema, type Session } from "../../src/wire/gen/collaboration_pb.ts";
import { spawn } from "../log/harness.ts";
import { tempDir } from "../support/server-process.ts";

const M = Collaboration.method;
const PATIENCE_MS = 60_000;
const dir = tempDir("session-scopes");
const tokens = { admin: "", berta: "", hans: "" };
type Who = keyof typeof tokens;
let server: RunningServer;
let as: Record<Who, Connection>;
/** Of the alerts of pump and fan. */
let [pump, fan]: Session[] = [];

beforeAll(async () => {
  writeFileSync(
    join(dir.path, "rules.yaml"),
    "rules:\n  - { name: hot, metric: temp, severity: high, condition: { threshold: { above: 80 } }, opens: [session, issue] }\n",
  );
  await start();
}, 120_000);

afterAll(async () => {
  await stop();
  dir[Symbol.dispose]();
});

async function start() {
  const flags = { data: join(dir.path, "data"), grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const env = { WATCHPOST_ALERTS_RULES_FILE: join(dir.path, "rules.yaml") };
  const { config } = loadConfig({ env, flags, machineMemoryBytes: 2 ** 31 });
  const logger = { info() {}, warn() {}, error() {}, debug() {} };
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, { spawn, logger, clock: systemClock, onFatal });
  if (tokens.admin === "") {
    const first = new Connection(server.grpcAddress);
    tokens.admin = (await createToken(first, { name: "ann", role: "admin" })).secret;
    const admin = new Connection(server.grpcAddress, { token: tokens.admin });
    for (const [name, site] of [
      ["berta", "berlin"],
      ["hans", "hamburg"],
    ] as const) {
      const wanted = { name, role: "operator", scope: { sites: [site] } };
      tokens[name] = (await createToken(admin, wanted)).secret;
    }
    for (const connection of [first, admin]) connection.close();
  }
  const connectionOf = (who: Who) => new Connection(server.grpcAddress, { token: tokens[who] });
  as = { admin: connectionOf("admin"), berta: connectionOf("berta"), hans: connectionOf("hans") };
}

async function stop() {
  for (const connection of Object.values(as)) connection.close();
  await server.close();
}

async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(10);
  }
}

function asked<I extends DescMessage, O extends DescMessage>(
  who: Who,
  method: DescMethod & { input: I; output: O },
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  return ask(as[who], method, request, {});
}

/** A stream from the server, read as it comes. */
class Stream<O extends DescMessage> {
  readonly got: MessageShape<O>[] = [];
  ended: { readonly code?: number; readonly details?: string } | undefined;
  readonly #call: { cancel(): void };
  readonly #write: (bytes: Uint8Array) => void = () => {};

  constructor(who: Who, method: DescMethodStreaming<DescMessage, O>, request: object) {
    const bytes = toBinary(method.input, create(method.input, request as never));
    const isBidi = method.methodKind === "bidi_streaming";
    const duplex = isBidi ? as[who].bidiStream(method) : undefined;
    const call = duplex ?? as[who].serverStream(method, bytes);
    this.#call = call;
    call.on("data", (given: Uint8Array) => this.got.push(fromBinary(method.output, given)));
    call.on("error", (error: object) => (this.ended ??= error));
    call.on("end", () => (this.ended ??= {}));
    if (duplex === undefined) return;
    this.#write = (given) => void duplex.write(given);
    this.#write(bytes);
  }

  say(message: MessageInitShape<typeof CollaborationMessageSchema>): void {
    this.#write(toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, message)));
  }

  leave(): void {
    this.#call.cancel();
  }
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "it succeeded",
    (error: { status?: string; message: string }) => `${error.status}: ${error.message}`,
  );
const titles = async (who: Who) => (await asked(who, M.listIssues, {})).issues.map(({ title }) => title).sort();

test("what rules open for alerts is there for those who see the alerts", async () => {
  await registerDevice(as.admin, { device: { deviceId: "pump", site: "berlin" } });
  await registerDevice(as.admin, { device: { deviceId: "fan", site: "hamburg" } });
  for (const device of ["pump", "fan"]) {
    await uploadAll(as.admin, [encodeBatch([{ metric: "temp", value: 90, tags: { device } }], `gw-of-${device}`)]);
  }
  const sessionOf = (device: string) =>
    until(`a session of ${device}`, async () => (await asked("admin", M.listSessions, { device })).sessions[0]);
  [pump, fan] = [await sessionOf("pump"), await sessionOf("fan")];
  await until("both issues", async () => ((await titles("admin")).length === 2 ? true : undefined));
  expect((await asked("berta", M.listSessions, {})).sessions.map(({ id }) => id)).toEqual([pump.id]);
  expect((await asked("hans", M.listSessions, {})).sessions.map(({ id }) => id)).toEqual([fan.id]);
  expect([await titles("berta"), await titles("hans")]).toEqual([["temp of pump is 90"], ["temp of fan is 90"]]);
});

test("a session that is out of scope answers as none, in every method", async () => {
  const sessionId = fan.id;
  const none = `NOT_FOUND: there is no session "${sessionId}"`;
  const methods = [M.getSession, M.listMessages, M.updateSession, M.closeSession, M.reopenSession, M.sendMessage];
  for (const method of methods as readonly (typeof M.getSession)[]) {
    const request = method === (M.sendMessage as unknown) ? { sessionId, message: "x" } : { sessionId };
    expect([method.name, await failure(asked("berta", method, request))]).toEqual([method.name, none]);
  }
  for (const method of [M.joinSession, M.watchSession, M.replaySession, M.exportSession] as const) {
    const stream = new Stream("berta", method as never, { sessionId });
    const { details } = await until(method.name, () => stream.ended);
    expect([method.name, details, stream.got]).toEqual([method.name, `there is no session "${sessionId}"`, []]);
  }
  const answer = await fetch(`http://${server.httpAddress}/analytics.Collaboration/GetSession`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${tokens.berta}` },
    body: JSON.stringify({ sessionId }),
  });
  expect([answer.status, await answer.json()]).toEqual([
    404,
    { code: "not_found", message: `there is no session "${sessionId}"` },
  ]);
  const nowhere = await failure(asked("berta", M.getSession, { sessionId: "nowhere" }));
  expect(nowhere).toBe('NOT_FOUND: there is no session "nowhere"');
});

test("whoever speaks does so by the name of the token, in the lobby to everybody", async () => {
  const [berta, hans] = [new Stream("berta", M.joinSession, { userId: "ann" }), new Stream("hans", M.watchSession, {})];
  await until("both are here", () => (berta.got.length > 0 && hans.got.length > 0 ? true : undefined));
  berta.say({ userId: "ann", userName: "Ann", messageType: "chat", message: "hello" });
  const heard = await until("it is heard", () => hans.got.find(({ messageType }) => messageType === "chat"));
  expect([heard.userId, heard.userName, heard.message]).toEqual(["berta", "", "hello"]);
  const tab = new Stream("berta", M.watchSession, { userId: "carl" });
  await until("the tab is here", () => tab.got[0]);
  const { session } = await asked("hans", M.getSession, { sessionId: "lobby" });
  expect(session!.members.map(({ userId, streams }) => [userId, streams]).sort()).toEqual([
    ["berta", 2],
    ["hans", 1],
  ]);
  for (const stream of [berta, hans, tab]) stream.leave();
});

test("a replay has the series in scope alone", async () => {
  await asked("admin", M.createSession, { sessionId: "temps", topic: { metrics: ["temp"] } });
  await asked("admin", M.sendMessage, { sessionId: "temps", message: "look" });
  const devices = async (who: Who) => {
    const now = Date.now() / 1_000;
    const range = { from: { seconds: BigInt(Math.floor(now - 600)) }, to: { seconds: BigInt(Math.ceil(now + 1)) } };
    const stream = new Stream(who, M.replaySession, { sessionId: "temps", metrics: ["*"], ...range });
    await until("it ends", () => stream.ended);
    const points = stream.got.flatMap(({ event }) => (event.case === "points" ? event.value.series : []));
    return [...new Set(points.map(({ device }) => device))].sort();
  };
  expect([await devices("admin"), await devices("berta")]).toEqual([["fan", "pump"], ["pump"]]);
});

test("streams end where a device has got another site, and it is the others' from then on", async () => {
  const hour = { from: { seconds: 0n }, to: { seconds: 99_999_999_999n } };
  await asked("berta", M.createAnnotation, { text: "a note", pin: { device: "pump" } });
  const member = new Stream("berta", M.joinSession, { sessionId: pump.id });
  const issues = new Stream("berta", M.watchIssues, {});
  const notes = new Stream("berta", M.watchAnnotations, hour);
  const lobby = new Stream("berta", M.watchSession, {});
  await until("all are open", () => {
    return [member, issues, notes, lobby].every(({ got }) => got.length > 0) ? true : undefined;
  });
  await updateDevice(as.admin, { device: { deviceId: "pump", site: "hamburg" }, fields: ["site"] });
  expect((await until("the member is out", () => member.ended)).details).toBe(`there is no session "${pump.id}"`);
  for (const watched of [issues, notes]) {
    const { code, details } = await until("the watch ends", () => watched.ended);
    expect([code, details]).toEqual([14, "what you see has changed; watch again"]);
  }
  expect(lobby.ended).toBeUndefined();
  lobby.leave();
  expect([await titles("berta"), await titles("hans")]).toEqual([[], ["temp of fan is 90", "temp of pump is 90"]]);
  expect((await asked("hans", M.listAnnotations, {})).annotations.map(({ text }) => text)).toEqual(["a note"]);
  expect((await asked("berta", M.listAnnotations, {})).annotations).toEqual([]);
});

test("after a restart it is as before, and a token that is revoked ends what is open with it", async () => {
  await stop();
  await start();
  expect([await titles("berta"), (await titles("hans")).length]).toEqual([[], 2]);
  expect((await asked("hans", M.getSession, { sessionId: pump.id })).session!.id).toBe(pump.id);
  const member = new Stream("hans", M.watchSession, { sessionId: pump.id });
  await until("it is open", () => member.got[0]);
  await revokeToken(as.admin, { token: "hans", userId: "" });
  const { code } = await until("it ends", () => member.ended);
  expect(code).toBe(16);
});
