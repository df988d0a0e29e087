/** The libraries of mail and MQTT in a compiled binary that sees neither source nor node_modules, and only when needed. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { program, testNeeding } from "../../support/needs.ts";
import { canHideTree, tempDir } from "../../support/server-process.ts";
import { mosquittoMissing, startBroker } from "./mosquitto.ts";
import { smtpServer } from "./smtp-server.ts";

const root = join(import.meta.dir, "../../..");
const hides = program("unshare") === false && canHideTree();

testNeeding([mosquittoMissing(), !hides && "leave to hide a directory"])(
  "mail and MQTT are sent by a binary",
  async () => {
    using directory = tempDir("receivers-binary");
    await using broker = await startBroker();
    using smtp = await smtpServer();
    const binary = `${directory.path}/send`;
    const entry = join(import.meta.dir, "binary-entry.ts");
    const flags = ["--compile", "--minify", "--bytecode", "--format=esm", `--outfile=${binary}`];
    const build = Bun.spawnSync([process.execPath, "build", entry, ...flags], { cwd: root, stderr: "pipe" });
    expect(build.stderr.toString()).toBe("");

    const email = { host: "127.0.0.1", port: smtp.port, security: "none", from: "a@b", to: "c@d" };
    const mqtt = { url: `mqtt://127.0.0.1:${broker.port}`, topic: "open/x" };
    const receivers = JSON.stringify([{ name: "ops", email, mqtt }]);
    const hide = 'exec 9<"$0" && mount -t tmpfs none "$1" && shift && exec /proc/self/fd/9 "$@"';
    const command = ["unshare", "-m", "sh", "-c", hide, binary, root, receivers];
    const child = Bun.spawn(command, { cwd: "/", stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect([err, out]).toEqual(["", '["email: delivered","mqtt: delivered"]\n']);
    expect(smtp.mails).toHaveLength(1);
  },
);

test("receivers that are only opened load neither library", () => {
  const script = `
    const { openReceivers } = await import("./src/alerts/receivers/open-receivers.ts");
    const { receiversSchema } = await import("./src/alerts/receivers/receiver-config.ts");
    const { systemClock } = await import("./src/model/system-clock.ts");
    const email = { host: "127.0.0.1", from: "a@b", to: "c@d" };
    const configs = receiversSchema({}).parse([{ name: "ops", email, mqtt: { url: "mqtt://127.0.0.1" } }]);
    await openReceivers(configs, { clock: systemClock, random: Math.random });
    console.log(Object.keys(require.cache).filter((path) => /node_modules.(mqtt|nodemailer)/.test(path)).length);
    await import("mqtt");
    console.log(Object.keys(require.cache).some((path) => /node_modules.mqtt/.test(path)));`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
  });
  expect([stderr.toString(), stdout.toString()]).toEqual(["", "0\ntrue\n"]);
});
