/** The unit: systemd takes it, exposes little by it, and the server does with the system calls that it leaves. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unitText } from "../../../src/cli/systemd/unit.ts";
import { program, testNeeding, working } from "../../support/needs.ts";
import { BINARY, startServerProcess, tempDir } from "../../support/server-process.ts";

const EXECUTABLE = "/usr/local/bin/watchpost";
/** In tenths; what is left are the network, which a server needs, and code that is compiled while it runs. */
const EXPOSURE_MAX = 12;
const ANALYZE = program("systemd-analyze") && "Debian's systemd";
const UNITS = [
  { executable: EXECUTABLE },
  { executable: EXECUTABLE, config: "/etc/watchpost/watchpost.toml", tlsKey: "/etc/watchpost/tls/server.key" },
  { executable: EXECUTABLE, config: "/etc/watchpost.toml", data: "/srv/watchpost", user: "daemon" },
];

function analyze(...args: string[]): { code: number; text: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", ...args]);
  return { code: exitCode, text: `${stdout.toString()}${stderr.toString()}` };
}

/** The unit as a file, of an executable that is there. */
function unitFile(dir: string, text: string): string {
  const file = join(dir, "watchpost.service");
  writeFileSync(file, text.replaceAll(EXECUTABLE, "/bin/true"));
  return file;
}

test("deploy/ has the unit of an executable in /usr/local/bin", () => {
  const file = join(import.meta.dir, "../../../deploy/watchpost.service");
  expect(readFileSync(file, "utf8")).toBe(unitText({ executable: EXECUTABLE }));
});

testNeeding([ANALYZE])("systemd finds nothing wrong with it, and little that it leaves open", () => {
  for (const options of UNITS) {
    using dir = tempDir("unit");
    const file = unitFile(dir.path, unitText(options));
    expect(analyze("verify", file)).toEqual({ code: 0, text: "" });
    const judged = analyze("security", "--offline=true", `--threshold=${EXPOSURE_MAX}`, file);
    expect([judged.code, judged.text]).toEqual([0, expect.stringContaining("Overall exposure level")]);
  }
  using dir = tempDir("unit");
  const open = unitText(UNITS[0])
    .replace(/^SystemCallFilter=.*\n/gm, "")
    .replace("ProtectSystem=strict", "Typo=yes");
  const file = unitFile(dir.path, open);
  expect(analyze("verify", file).text).toContain("Typo");
  expect(analyze("security", "--offline=true", `--threshold=${EXPOSURE_MAX}`, file).code).toBe(1);
});

/** The system calls of a set, and of the sets in it. */
function callsOf(set: string): string[] {
  const names = analyze("syscall-filter", set)
    .text.split("\n")
    .map((line) => line.trim());
  const own = names.filter((name) => name !== "" && name !== set && !name.startsWith("#"));
  return own.flatMap((name) => (name.startsWith("@") ? callsOf(name) : [name]));
}

/** Tried, and nothing is lost without it: as root SQLite gives files that it makes to the owner of the database. */
const HARMLESS = ["fchown"];
const MAY_TRACE = working("strace", ["strace", "-f", "true"]);

testNeeding([ANALYZE, MAY_TRACE])(
  "the server does without the system calls that the unit refuses",
  async () => {
    using dir = tempDir("unit");
    const allowed = new Set(callsOf("@system-service"));
    for (const name of ["@privileged", "@resources"].flatMap(callsOf)) allowed.delete(name);
    // Always there, as systemd says.
    for (const name of callsOf("@default")) allowed.add(name);
    expect(allowed.size).toBeGreaterThan(200);
    const known = new Set(callsOf("@known"));
    const refused = [...known].filter((name) => !allowed.has(name) && !["execve", "exit"].includes(name));
    const trace = join(dir.path, "trace");
    // Those that strace does not know have a question mark before them: these are no error then.
    const set = refused.map((name) => `?${name}`).join(",");
    const inject = ["-e", `trace=${set}`, "-e", `inject=${set}:error=EPERM`];
    const strace = ["strace", "-f", "-qq", "-o", trace, ...inject, BINARY];
    // Where the tree is hidden that takes calls of its own: the executable is run as it is.
    const instead = 'while [ "$1" != serve ]; do shift; done; exec $0 "$@"';
    const wrapper = ["sh", "-c", instead, strace.join(" ")];
    const server = await startServerProcess({ data: join(dir.path, "data"), wrapper });
    const upload = Bun.spawnSync([BINARY, "upload", "-", "--source", "s", "--server", server.grpc], {
      stdin: new Blob(['{"metric":"m","value":7}\n']),
    });
    expect([upload.exitCode, upload.stderr.toString()]).toEqual([0, expect.stringContaining("1 point stored")]);
    const query = Bun.spawnSync([BINARY, "query", "m", "--csv", "--server", server.grpc]);
    expect(query.stdout.toString()).toContain("\nm,7,");
    expect((await fetch(`http://${server.http}/readyz`)).status).toBe(200);
    const status = Bun.spawnSync([BINARY, "status", "--server", server.grpc]);
    expect(status.stdout.toString()).toContain("1 point since the start");
    expect(await server.stop()).toBe(0);
    const tried = new Set([...readFileSync(trace, "utf8").matchAll(/^\d+ +(\w+)\(/gm)].map(([, name]) => name));
    expect([...tried].filter((name) => !HARMLESS.includes(name))).toEqual([]);
  },
  120_000,
);
