/** `watchpost doctor`: what is found where something is wrong, with a server running and without one. */
import { Database } from "bun:sqlite";
import { expect, spyOn, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { doctorText } from "../../src/cli/doctor.ts";
import { checkCertificate } from "../../src/cli/doctor/check-certificate.ts";
import { checkClock } from "../../src/cli/doctor/check-clock.ts";
import { checkDirectory, checkFileSystem, checkSpace, placeOf } from "../../src/cli/doctor/check-directory.ts";
import { judgeLimit } from "../../src/cli/doctor/check-limits.ts";
import { checkMemory, checkSettings } from "../../src/cli/doctor/check-settings.ts";
import { checkStore } from "../../src/cli/doctor/check-store.ts";
import { judgeSync } from "../../src/cli/doctor/check-sync.ts";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import { loadConfig } from "../../src/config/load.ts";
import { TestAuthority } from "../support/certificates.ts";
import { program, testNeeding, working } from "../support/needs.ts";
import { startServerProcess, tempDir, watchpostCommand } from "../support/server-process.ts";

const GIB = 2 ** 30;
const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 4, 1);

interface Doctored {
  readonly code: number;
  readonly found: readonly Finding[];
  readonly out: string;
}

function doctor(args: readonly string[]): Doctored {
  const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" };
  const { exitCode, stdout, stderr } = Bun.spawnSync([...watchpostCommand(false), "doctor", ...args], { env });
  expect(stderr.toString()).toBe("");
  const out = stdout.toString();
  const found = args.includes("--json") ? (JSON.parse(out) as { findings: Finding[] }).findings : [];
  return { code: exitCode, out, found };
}

/** Those of a check, as "level: text". */
function said(found: readonly Finding[], check: string): string[] {
  return found.filter((finding) => finding.check === check).map(({ level, text }) => `${level}: ${text}`);
}

const FREE = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"];

test("with a server running it says who has what, and with none whether what is stored is whole", async () => {
  using dir = tempDir("doctor");
  const data = join(dir.path, "data");
  const server = await startServerProcess({ data });
  const there = ["--json", "--data", data, "--grpc", server.grpc, "--http", server.http];
  const running = doctor(there);
  expect(said(running.found, "ports")).toEqual([
    `ok: gRPC ${server.grpc} is served by process ${server.pid}`,
    `ok: HTTP ${server.http} is served by process ${server.pid}`,
  ]);
  expect(said(running.found, "store")).toEqual([
    `ok: a server has it, process ${server.pid}; watchpost status tells how it stands`,
  ]);
  expect(said(running.found, "limits")).toEqual([expect.stringContaining(`process ${server.pid} may have`)]);
  expect(running.code).toBe(0);
  const other = doctor(["--json", "--data", join(dir.path, "other"), "--grpc", server.grpc, "--http", "192.0.2.1:80"]);
  expect(other.code).toBe(1);
  expect(said(other.found, "ports")).toEqual([
    expect.stringMatching(new RegExp(`^problem: gRPC ${server.grpc} is taken by \\S+, process ${server.pid}$`)),
    expect.stringMatching(/^problem: HTTP cannot listen on 192\.0\.2\.1:80: /),
  ]);
  const reached = "192.0.2.1:80 can be reached from other machines";
  expect(said(other.found, "settings")).toContainEqual(expect.stringContaining(reached));
  const body = '{"source":"s","points":[{"metricName":"m","value":1}]}';
  const headers = { "content-type": "application/json" };
  const url = `http://${server.http}/analytics.DataIngestion/UploadBatch`;
  expect((await fetch(url, { method: "POST", headers, body })).status).toBe(200);
  expect(await server.stop()).toBe(0);
  const before = fs.readdirSync(data).sort();
  const stopped = doctor(there);
  expect(said(stopped.found, "store")).toEqual([
    "ok: nothing is damaged: 1 series, 1 stored value, 0 more values in the log",
  ]);
  expect(said(stopped.found, "ports")).toEqual([`ok: gRPC ${server.grpc} is free`, `ok: HTTP ${server.http} is free`]);
  expect(said(stopped.found, "directory")).toEqual([expect.stringContaining("belongs to this user alone (mode 700)")]);
  expect(fs.readdirSync(data).sort()).toEqual(before);
  using database = new Database(join(data, "state.db"), { strict: true });
  database.run("PRAGMA user_version = 99");
  database.close();
  const newer = doctor(there);
  expect(newer.code).toBe(1);
  expect(said(newer.found, "store")).toEqual([expect.stringContaining("it has format 99, this Watchpost knows up to")]);
  fs.truncateSync(
    join(
      data,
      before.find((name) => name.startsWith("points-"))!,
    ),
    5_000,
  );
  fs.chmodSync(data, 0o755);
  const damaged = doctor(there);
  expect(said(damaged.found, "store").length).toBeGreaterThan(1);
  expect(said(damaged.found, "directory")).toEqual([expect.stringContaining("is open to other users (mode 755)")]);
}, 120_000);

test("before the first start there is nothing wrong; a wrong setting is the only thing that is said", () => {
  using dir = tempDir("doctor");
  const { code, out } = doctor(["--data", join(dir.path, "a/b"), ...FREE]);
  expect(code).toBe(0);
  expect(out).toContain(`${dir.path}/a/b is not there yet; the server makes it`);
  expect(out).toMatch(/\nok {7}store {8}nothing is stored yet\n\n(nothing is wrong|0 problems, \d warnings?)\n$/);
  expect(fs.readdirSync(dir.path)).toEqual([]);
  const wrong = doctor(["--json", "--data", dir.path, "--log-level", "loud"]);
  expect([wrong.code, wrong.found.map(({ check, level }) => `${check} ${level}`)]).toEqual([1, ["settings problem"]]);
  fs.writeFileSync(join(dir.path, "file"), "");
  expect(said(doctor(["--json", "--data", join(dir.path, "file"), ...FREE]).found, "directory")).toEqual([
    expect.stringContaining("is no directory"),
  ]);
});

const MAY_BE_NOBODY = working("setpriv to another user", ["setpriv", "--reuid=65534", "true"]);

testNeeding([MAY_BE_NOBODY])("somebody who may not write there is told so, and what to do", () => {
  using dir = tempDir("doctor");
  fs.chmodSync(dir.path, 0o755);
  const module = (name: string) => JSON.stringify(join(import.meta.dir, `../../src/cli/doctor/${name}.ts`));
  const script = `
    const { checkDirectory, placeOf } = await import(${module("check-directory")});
    const { checkSync } = await import(${module("check-sync")});
    process.setuid(65534);
    const data = process.argv.at(-1);
    console.log(JSON.stringify([...checkDirectory(data, placeOf(data)), ...checkSync(data)]));`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script, dir.path]);
  const found = JSON.parse(stdout.toString()) as Finding[];
  expect(found.map(({ level, text }) => `${level}: ${text}`)).toEqual([
    expect.stringMatching(/^problem: .* cannot be read and written by this user: .*(permission|EACCES)/i),
    expect.stringMatching(/^problem: nothing can be written in .*(permission|EACCES)/i),
  ]);
  expect(found[0].advice).toContain("chown -R USER");
});

test("file systems are named, and those that lose what was acknowledged are", () => {
  const on = (type: number) => {
    const spy = spyOn(fs, "statfsSync").mockImplementation((() => ({ type })) as never);
    try {
      return checkFileSystem("/data").map(({ level, text }) => `${level}: ${text}`);
    } finally {
      spy.mockRestore();
    }
  };
  expect(on(0xef53)).toEqual(["ok: /data lies on ext4"]);
  expect(on(0x6969)).toEqual(["problem: /data lies on NFS"]);
  expect(on(0xff534d42 | 0)).toEqual(["problem: /data lies on CIFS"]);
  expect(on(0x01021994)).toEqual(["warning: /data lies on tmpfs: all is lost when the machine restarts"]);
  expect(on(0x794c7630)).toEqual(["warning: /data lies on overlay: all is lost with the container"]);
  expect(on(0x65735546)[0]).toStartWith("warning: /data lies on FUSE");
  expect(on(1)).toEqual(["ok: /data lies on a file system of a kind not known here"]);
});

test("space, inodes, syncs, limits and memory are judged by what a server needs", () => {
  const space = { totalBytes: 100 * GIB, freeInodes: 1e6, inodes: 2e6, floor: "auto" } as const;
  const levels = (found: readonly Finding[]) => found.map(({ level }) => level);
  expect(levels(checkSpace({ ...space, freeBytes: 50 * GIB }))).toEqual(["ok"]);
  expect(levels(checkSpace({ ...space, freeBytes: 8 * GIB }))).toEqual(["warning"]);
  expect(levels(checkSpace({ ...space, freeBytes: 5 * GIB }))).toEqual(["problem"]);
  expect(levels(checkSpace({ ...space, floor: GIB, freeBytes: 5 * GIB }))).toEqual(["ok"]);
  expect(levels(checkSpace({ ...space, freeBytes: 50 * GIB, freeInodes: 3 }))).toEqual(["ok", "problem"]);
  expect(levels(checkSpace({ ...space, freeBytes: 50 * GIB, freeInodes: 0, inodes: 0 }))).toEqual(["ok"]);
  expect(judgeSync([0.3, 0.1, 0.2])).toMatchObject({
    level: "ok",
    text: "a sync takes 0.20 ms, 0.30 ms at most of 3",
  });
  expect(judgeSync([30, 20, 25]).level).toBe("warning");
  expect(judgeSync([1, 1, 1, 1, 1_500]).level).toBe("warning");
  expect([1_048_576, 1_024, 64].map((files) => judgeLimit(files, 7).level)).toEqual(["ok", "warning", "problem"]);
  expect(judgeLimit(Infinity, undefined).text).toBe(
    "a server started here may have any number of files and connections open",
  );
  expect(levels(checkMemory(GIB, 8 * GIB, Infinity))).toEqual(["ok"]);
  expect(checkMemory(GIB, 8 * GIB, 1.5 * GIB)).toEqual([
    expect.objectContaining({
      level: "warning",
      text: "memory.budget is 1GiB of 1.5GiB that this process may have",
    }),
  ]);
  expect(checkMemory(GIB, 8 * GIB, GIB)[0]).toMatchObject({
    level: "problem",
    advice: expect.stringContaining("set memory.budget to 256MiB"),
  });
});

test("a clock that went back, never was set, or that nobody keeps", () => {
  const facts = { nowMs: NOW_MS, isSynchronised: true, newestFileMs: NOW_MS - 5_000 };
  const judged = (more: object) => checkClock({ ...facts, ...more }).map(({ level, text }) => `${level}: ${text}`);
  expect(judged({})).toEqual(["ok: it is 2026-05-01T00:00:00.000Z, and NTP keeps it right"]);
  expect(judged({ isSynchronised: undefined })[0]).toContain("is not known");
  expect(judged({ isSynchronised: false })[0]).toStartWith("warning: ");
  expect(judged({ newestFileMs: NOW_MS + 1_000 })[0]).toStartWith("ok: ");
  expect(judged({ newestFileMs: NOW_MS + 3_600_000 })[0]).toContain("was written 1h later: the clock went back");
  expect(judged({ nowMs: 0, newestFileMs: 0 })).toEqual(["problem: it is 1970-01-01T00:00:00.000Z, which is long ago"]);
});

test("what follows from settings is said: who reaches the server, what a power cut takes, how long points stay", () => {
  const judged = (flags: Record<string, string | boolean>) => {
    const loaded = loadConfig({ env: { WATCHPOST_NONE: "1" }, flags, machineMemoryBytes: 2 * GIB });
    return said(checkSettings(loaded), "settings");
  };
  expect(judged({})).toEqual([
    "ok: all settings are the defaults",
    expect.stringContaining("warning: WATCHPOST_NONE in the environment is no setting"),
    expect.stringContaining("ok: points are kept until the disk is nearly full"),
  ]);
  const open = judged({ grpc: ":50051", "store.sync_interval": "5s", "retention.raw": "90d" });
  expect(open).toContainEqual(
    "problem: :50051 can be reached from other machines, which the server refuses without TLS",
  );
  expect(open).toContainEqual(
    "warning: store.sync_interval is 5s: a power cut can take what was acknowledged in that time",
  );
  expect(open).not.toContainEqual(expect.stringContaining("nearly full"));
  const tls = { "tls.cert": "/etc/server.pem", "tls.key": "/etc/server.key" };
  expect(judged({ grpc: ":50051", ...tls })).toContainEqual(
    expect.stringContaining("ok: :50051 can be reached from other machines, over TLS"),
  );
  expect(judged({ grpc: ":50051", insecure: true })).toContainEqual(
    "warning: :50051 can be reached from other machines, and insecure is set",
  );
});

testNeeding([program("openssl")])("a certificate is judged as the server does, and by how long it is good", () => {
  using dir = tempDir("doctor");
  const authority = new TestAuthority(dir.path);
  const [from, until] = [new Date(NOW_MS - DAY_MS), new Date(NOW_MS + 30 * DAY_MS)];
  const { cert, key } = authority.issue({ from, until });
  fs.chmodSync(key, 0o600);
  const files = { cert, key, client_ca: undefined, client_certificates: "required", http2: true } as const;
  const judged = (nowMs: number, more: object = {}) =>
    said(checkCertificate({ tls: { ...files, ...more } }, nowMs), "certificate");
  expect(judged(NOW_MS, { cert: undefined, key: undefined })).toEqual([]);
  expect(judged(NOW_MS)).toEqual([`ok: ${cert} is good for localhost, 127.0.0.1 until 2026-05-31 00:00 UTC`]);
  expect(judged(NOW_MS + 20 * DAY_MS)).toEqual([expect.stringMatching(/^warning: .* until 2026-05-31 00:00 UTC$/)]);
  expect(judged(NOW_MS + 31 * DAY_MS)).toEqual([expect.stringMatching(/^problem: .* expired at 2026-05-31 00:00 UTC/)]);
  expect(judged(NOW_MS, { key: authority.issue({ from, until }).key })).toEqual([expect.stringContaining("problem: ")]);
  expect(judged(NOW_MS, { cert: "/nowhere" })).toEqual([expect.stringContaining("problem: ENOENT")]);
  fs.chmodSync(key, 0o644);
  expect(judged(NOW_MS)).toContainEqual(`warning: ${key} can be read by every user of this machine`);
});

test("no time for the store is said as that, not as a whole store", async () => {
  using dir = tempDir("doctor");
  const data = join(dir.path, "data");
  const server = await startServerProcess({ data });
  const upload = Bun.spawnSync([...watchpostCommand(false), "upload", "-", "--source", "s", "--server", server.grpc], {
    stdin: new Blob(['{"metric":"m","value":7}\n']),
  });
  expect(upload.exitCode).toBe(0);
  await server.stop();
  expect(said(checkStore(data, undefined, -1), "store")[0]).toContain("watchpost verify --data");
});

test("each line says what to do below it, and the last one how many there are", () => {
  const finding = { check: "disk", level: "problem", text: "it is full", advice: "make room" } as const;
  const text = doctorText([finding, { ...finding, level: "warning" }]).replaceAll(/\x1b\[\d+m/g, "");
  expect(text).toBe(
    "problem  disk  it is full\n               -> make room\nwarning  disk  it is full\n               -> make room\n\n1 problem, 1 warning\n",
  );
  expect(doctorText([{ ...finding, level: "ok", advice: "" }])).toEndWith("\nnothing is wrong\n");
  using dir = tempDir("doctor");
  expect(checkDirectory(dir.path, placeOf(dir.path))[0].level).toBe("ok");
});
