/** `watchpost service` over a machine of the test's own: its units in a folder, its systemctl a script that writes down what it was told. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serviceText } from "../../../src/cli/service.ts";
import { systemdHost } from "../../../src/cli/systemd/host.ts";
import { installService, serviceStatus, uninstallService, UNIT_PATH } from "../../../src/cli/systemd/manage.ts";
import { unitText } from "../../../src/cli/systemd/unit.ts";
import { tempDir, watchpostCommand } from "../../support/server-process.ts";

const OPTIONS = { executable: "/usr/local/bin/watchpost", start: true };

function machine() {
  const dir = tempDir("service");
  const at = (path: string) => join(dir.path, path);
  const folders = ["etc/systemd/system", "run/systemd/system", "srv/points"];
  for (const folder of folders) mkdirSync(at(folder), { recursive: true });
  const systemctl = at("systemctl");
  writeFileSync(
    systemctl,
    `#!/bin/sh
echo "$*" >>${at("told")}
case "$*" in
  "$(cat ${at("fails")} 2>/dev/null)"*) echo "Job failed." >&2; exit 5 ;;
  show*) cat ${at("shown")} ;;
esac
`,
  );
  chmodSync(systemctl, 0o755);
  writeFileSync(at("fails"), "never");
  const said: string[] = [];
  return {
    ...{ at, said },
    host: { ...systemdHost(dir.path, systemctl), isRoot: true },
    say: (sentence: string) => void said.push(sentence),
    told: () => (existsSync(at("told")) ? readFileSync(at("told"), "utf8").trim().split("\n") : []),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
}

test("it is installed, again where the unit is another, and removed; each thing is said", () => {
  using rig = machine();
  const { host, said, say, told, at } = rig;
  installService(host, OPTIONS, say);
  expect(readFileSync(at(UNIT_PATH), "utf8")).toBe(unitText(OPTIONS));
  expect(told()).toEqual(["daemon-reload", "enable watchpost.service", "restart watchpost.service"]);
  expect(said.splice(0)).toEqual([
    `wrote ${UNIT_PATH}`,
    "told systemd to read its units (systemctl daemon-reload)",
    "it starts with the machine (systemctl enable watchpost.service)",
    "it runs, and is ready (systemctl restart watchpost.service)",
    expect.stringContaining("next: watchpost status"),
  ]);
  installService(host, { ...OPTIONS, start: false }, say);
  expect(said.at(0)).toBe(`${UNIT_PATH} is as it should be`);
  expect(said.at(-1)).toBe("next: systemctl start watchpost.service");
  installService(host, { ...OPTIONS, data: "/srv/points", user: "ann" }, say);
  expect(said).toContain(`wrote anew ${UNIT_PATH}`);
  const unit = readFileSync(at(UNIT_PATH), "utf8");
  expect(unit).toContain("--data /srv/points --log-format");
  expect(unit).toContain("\nUser=ann\nReadWritePaths=/srv/points\n");
  expect(unit).not.toMatch(/DynamicUser|StateDirectory/);
  said.splice(0);
  uninstallService(host, say);
  expect(existsSync(at(UNIT_PATH))).toBe(false);
  expect(told().slice(-2)).toEqual(["disable --now watchpost.service", "daemon-reload"]);
  expect(said.at(-1)).toContain("what is stored stays in the data directory");
  uninstallService(host, say);
  expect(said.at(-1)).toBe(`there is no ${UNIT_PATH}: nothing to do`);
});

test("what fails is said with systemd's words and where to look; settings that are not there change nothing", () => {
  using rig = machine();
  const { host, say, told, at } = rig;
  const install = (options: object) => () => installService(host, { ...OPTIONS, ...options }, say);
  expect(install({ config: "/etc/none.toml" })).toThrow("--config /etc/none.toml: there is no such file");
  expect(install({ data: "/srv/none", user: "ann" })).toThrow("make it: install -d -m 700 -o ann /srv/none");
  expect(install({ data: "/srv/points" })).toThrow("--data /srv/points needs --user");
  expect(install({ data: "/home/ann/points", user: "ann" })).toThrow(
    "a service does not see /home; wanted one such as",
  );
  expect(install({ user: "ann bob" })).toThrow('--user is "ann bob"');
  expect(install({ executable: "/root/watchpost" })).toThrow("copy it first: install -m 755 /root/watchpost");
  expect(install({ executable: "/opt/$a/watchpost" })).toThrow("wanted an absolute path of letters");
  expect(install({ config: "/etc/a b.toml" })).toThrow("wanted an absolute path of letters");
  expect(() => installService({ ...host, isRoot: false }, OPTIONS, say)).toThrow("sudo watchpost service install");
  expect(() => installService({ ...host, hasSystemd: false }, OPTIONS, say)).toThrow("needs systemd");
  expect([existsSync(at(UNIT_PATH)), told()]).toEqual([false, []]);
  writeFileSync(at("fails"), "restart");
  expect(install({})).toThrow(
    "systemctl restart watchpost.service failed with code 5: Job failed.; what the server said: journalctl -u watchpost -n 30",
  );
});

test("a status says how it stands, in lines and as an object", () => {
  using rig = machine();
  const shown = (lines: readonly string[]) => {
    writeFileSync(rig.at("shown"), `${lines.join("\n")}\n`);
    return serviceStatus(rig.host);
  };
  const running = shown([
    ...["Result=success", "NRestarts=2", "MainPID=77", "LoadState=loaded", "ActiveState=active", "SubState=running"],
    ...["UnitFileState=enabled", "StatusText=serving gRPC on 127.0.0.1:50051", "ActiveEnterTimestamp=Mon 2026-03-02"],
  ]);
  expect(running).toMatchObject({ isInstalled: true, isRunning: true, pid: 77, restarts: 2, enabled: "enabled" });
  const text = serviceText(running).replaceAll(/\x1b\[\d+m/g, "");
  expect(text).toBe(
    "State     active (running) since Mon 2026-03-02\nSays      serving gRPC on 127.0.0.1:50051\nStarts    with the machine\nProcess   77\nRestarts  2; why: journalctl -u watchpost | grep 'Failed with'\n",
  );
  const failed = shown([
    ...["Result=watchdog", "NRestarts=9", "MainPID=0", "LoadState=loaded", "ActiveState=failed", "SubState=failed"],
    ...["UnitFileState=disabled", "StatusText=", "ActiveEnterTimestamp="],
  ]);
  expect(serviceText(failed)).toContain("not with the machine (disabled)");
  expect(serviceText(failed)).toContain("it ended the last time with: watchdog");
  expect(serviceText(failed)).toContain("watchpost doctor");
  const none = shown(["LoadState=not-found", "ActiveState=inactive", "SubState=dead"]);
  expect([none.isRunning, serviceText(none)]).toEqual([
    false,
    expect.stringContaining("is not installed as a service"),
  ]);
});

test("run from source it says what to build, and that there is no systemd where there is none", () => {
  const run = (...args: string[]) => {
    const command = [...watchpostCommand(false), "service", ...args];
    const { exitCode, stderr } = Bun.spawnSync(command, { env: { NO_COLOR: "1" } });
    return { code: exitCode, err: stderr.toString() };
  };
  if (process.env["WATCHPOST_TEST_PROGRAM"] === undefined) {
    expect(run("install")).toEqual({ code: 2, err: expect.stringContaining("build one: bun run build") });
  }
  if (existsSync("/run/systemd/system")) return;
  const none = "needs systemd, which does not run this machine";
  expect(run("status")).toEqual({ code: 2, err: expect.stringContaining(none) });
  expect(run("uninstall")).toEqual({ code: 2, err: expect.stringContaining("nothing was changed") });
});
