/** All methods that a page can call, with messages that nobody would send by mistake: refused, or answered, and never a defect. */
import { toBinary, type DescMethod, type DescService } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { Devices } from "../../src/wire/gen/devices_pb.ts";
import { SavedDashboards } from "../../src/wire/gen/saved_dashboards_pb.ts";
import { Server } from "../../src/wire/gen/server_pb.ts";
import { callFrame, FrameKind, frameOf, readFrame, TUNNEL_PATH } from "../../src/wire/tunnel-frame.ts";
import { randomJson, randomMessage } from "../support/random-message.ts";
import { randomOf } from "../support/random.ts";
import { openRawWebSocket, Opcode, type RawFrame } from "../support/raw-websocket.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const SERVICES: readonly DescService[] = [Alerts, Collaboration, Dashboard, Devices, SavedDashboards, Server];
/** Of each method. */
const CALLS = Number(process.env["WATCHPOST_TEST_CALLS"] ?? 6);
const AT_ONCE = 20;
/** What a stream has said by then is looked at. */
const STREAM_MS = 20;
const NAMES = ["t", "pump-1", "gw", "site", "device", "plant", "room"];
const CONNECT = { "connect-protocol-version": "1" };

/** Bytes of a message, or some that are none; of JSON that is hardly ever one. */
function bodyOf(method: DescMethod, isJson: boolean, random: () => number): Uint8Array {
  if (isJson) return Buffer.from(JSON.stringify(randomJson(method.input, random)));
  const bytes = toBinary(method.input, randomMessage(method.input, random, NAMES));
  const chance = random();
  if (chance > 0.2 || bytes.byteLength === 0) return bytes;
  if (chance > 0.1) return bytes.subarray(0, Math.floor(random() * bytes.byteLength));
  const broken = Uint8Array.from(bytes);
  for (let i = 0; i < 3; i++) broken[Math.floor(random() * broken.byteLength)] = random() * 256;
  return broken;
}

function enveloped(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

test("any message to any method of the console is refused or answered by what it is", async () => {
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
  const random = randomOf(seed);
  using dir = tempDir("tunnel-methods");
  const server = await startServerProcess({ data: join(dir.path, "data") });
  const base = `http://${server.http}`;
  const post = async (path: string, body: object) => {
    const response = await fetch(`${base}/analytics.${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect({ path, ok: response.ok, text: response.ok ? "" : await response.text() }).toMatchObject({ ok: true });
  };
  const points = Array.from({ length: 50 }, (_, i) => ({
    metricName: "t",
    value: i,
    tags: { device: "pump-1", site: "site" },
  }));
  await post("DataIngestion/UploadBatch", { source: "gw", points });
  await post("Devices/RegisterDevice", { device: { deviceId: "plant" } });
  await post("Collaboration/CreateSession", { sessionId: "room", userId: "ann" });
  const socket = await openRawWebSocket(base, TUNNEL_PATH);
  const methods = SERVICES.flatMap((service) => service.methods).filter(
    ({ methodKind }) => methodKind === "unary" || methodKind === "server_streaming",
  );
  let last = 0;
  const told = new Map<string, number>();
  const wrong: string[] = [];

  const call = async (method: DescMethod): Promise<void> => {
    const number = ++last;
    const isStream = method.methodKind === "server_streaming";
    const isJson = random() < 0.3;
    const body = bodyOf(method, isJson, random);
    const type = `application/${isStream ? "connect+" : ""}${isJson ? "json" : "proto"}`;
    const path = `/${method.parent.typeName}/${method.name}`;
    const frame = callFrame(
      number,
      { path, headers: { "content-type": type, ...CONNECT } },
      isStream ? enveloped(body) : body,
    );
    await socket.send(frame);
    const own = (frames: readonly RawFrame[]) =>
      frames
        .filter(({ opcode, payload }) => opcode === Opcode.BINARY && payload.readUInt32BE(1) === number)
        .map(({ payload }) => readFrame(new Uint8Array(payload))!);
    const isOver = (frames: readonly RawFrame[]) =>
      own(frames).some(({ kind }) => kind === FrameKind.END || kind === FrameKind.FAIL);
    if (isStream) await Bun.sleep(STREAM_MS);
    else await socket.until(isOver);
    const frames = own(socket.frames);
    if (isStream && !isOver(socket.frames)) await socket.send(frameOf(FrameKind.CANCEL, number));
    const said = Buffer.concat(
      frames.filter(({ kind }) => kind === FrameKind.CHUNK).map(({ payload }) => payload),
    ).toString();
    const code = /"code":"(\w+)"/.exec(said)?.[1] ?? "ok";
    told.set(code, (told.get(code) ?? 0) + 1);
    const isDefect = code === "internal" || code === "unknown" || frames.some(({ kind }) => kind === FrameKind.FAIL);
    if (isDefect || socket.isClosed) wrong.push(`${path} ${Buffer.from(body).toString("base64")}: ${said.slice(-300)}`);
  };

  for (const method of methods) {
    for (let i = 0; i < CALLS; i += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, CALLS - i) }, () => call(method)));
      socket.frames.length = 0;
    }
  }
  if (CALLS > 6) console.log(Object.fromEntries(told));
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  const defects = server.log().filter(({ level }) => Number(level) >= 50);
  expect({ seed, defects }).toEqual({ seed, defects: [] });
  for (const code of ["ok", "invalid_argument", "not_found"])
    expect([code, told.get(code)! > 20]).toEqual([code, true]);
  await post("SavedDashboards/ListDashboards", {});
  socket.terminate();
  expect(await server.stop()).toBe(0);
}, 120_000);
