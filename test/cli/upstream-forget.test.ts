/** `watchpost upstream forget`: a gateway and its centre swap their roles. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startServerProcess, type ServerProcess } from "../support/server-process.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let centre: CommandRig;
let edge: ServerProcess;

beforeAll(async () => {
  centre = await startCommandRig("upstream-forget");
  const env = { WATCHPOST_UPSTREAM_ADDRESS: centre.server.grpc, WATCHPOST_UPSTREAM_NAME: "hall-3" };
  edge = await startServerProcess({ data: join(centre.dir, "edge"), env });
});

afterAll(async () => {
  await edge.stop();
  await centre.close();
});

const toEdge = () => ({ env: { WATCHPOST_SERVER: edge.grpc } });

test("once roles are swapped the node that forwards is told what to forget, and forwards then", async () => {
  const reading = '{"metric":"t","value":1,"timestamp":"2026-01-01T00:00:00Z"}\n';
  await centre.ok(["upload", "-", "--source", "gw-1"], { ...toEdge(), stdin: reading });
  while (!(await centre.ok(["upstream", "status"])).includes("gw-1")) await Bun.sleep(50);
  const refused = await centre.run(["upstream", "forget", "hall-3", "--yes"]);
  expect(refused.err).toMatch(
    /node "hall-3" \([-0-9a-f]+\) is connected; take upstream.address off its settings first/,
  );
  expect(refused.code).toBe(2);
  await edge.stop();
  edge = await startServerProcess({ data: join(centre.dir, "edge") });
  const config = join(centre.dir, "swapped.toml");
  const settings = [`address = "${edge.grpc}"`, 'name = "centre"', 'backoff_min = "50ms"', 'backoff_max = "200ms"'];
  await Bun.write(config, `[upstream]\n${settings.join("\n")}\n`);
  await centre.restart(join(centre.dir, "data"), ["--config", config]);
  const sentences = () => centre.server.log().map(({ msg }) => String(msg));
  const commandIn = () => sentences().flatMap((said) => /watchpost (upstream forget [-0-9a-f]+)/.exec(said) ?? [])[1];
  while (commandIn() === undefined) await Bun.sleep(50);
  const command = commandIn().split(" ");

  const unasked = await centre.run(command);
  expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining("there is no terminal to ask")]);
  const told = /Forget node hall-3 \([-0-9a-f]+\), from which 1 point of 1 source came\? \[y\/N\]/;
  const asked = await centre.onTerminal(command, "n\r");
  expect([asked.code, asked.out]).toEqual([1, expect.stringMatching(told)]);
  expect(asked.out).toContain("nothing was forgotten");
  expect(await centre.ok([...command, "--yes"])).toMatch(
    /^forgot node hall-3 \(.*\), from which 1 point of 1 source came\n$/,
  );
  while (!sentences().some((said) => said.includes("connected to the upstream"))) await Bun.sleep(50);
  expect(await centre.ok(["upstream", "status"], toEdge())).toContain("from centre  connected");
  const unknown = await centre.run([...command, "--yes"]);
  expect(unknown.err).toContain("has forwarded to this one; none has");
});
