/** `watchpost upstream` against a gateway and its centre. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startServerProcess, type ServerProcess } from "../support/server-process.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let centre: CommandRig;
let edge: ServerProcess;

beforeAll(async () => {
  centre = await startCommandRig("upstream-commands");
  const env = {
    WATCHPOST_UPSTREAM_ADDRESS: centre.server.grpc,
    WATCHPOST_UPSTREAM_NAME: "hall-3",
    WATCHPOST_UPSTREAM_BACKOFF_MIN: "50ms",
    WATCHPOST_UPSTREAM_BACKOFF_MAX: "200ms",
  };
  edge = await startServerProcess({ data: join(centre.dir, "edge"), env });
});

afterAll(async () => {
  await edge.stop();
  await centre.close();
});

const toEdge = () => ({ env: { WATCHPOST_SERVER: edge.grpc } });

interface Status {
  readonly upstreams: readonly {
    readonly queuedPoints: number;
    readonly state: string;
    readonly sources: readonly unknown[];
  }[];
}

async function statusOfEdge(isWanted: (status: Status) => boolean): Promise<Status> {
  for (;;) {
    const status = JSON.parse(await centre.ok(["upstream", "status", "--json"], toEdge())) as Status;
    if (isWanted(status)) return status;
    await Bun.sleep(50);
  }
}

test("what nobody forwards", async () => {
  const { code, err } = await centre.run(["upstream", "resend", "--all"]);
  expect(err).toContain("this node forwards nothing; set upstream.address first");
  expect(code).toBe(2);
});

test("both ends tell what was acknowledged", async () => {
  const readings =
    '{"metric":"t","value":1,"timestamp":"2026-01-01T00:00:00Z"}\n{"metric":"t","value":2,"timestamp":"2026-01-01T00:00:01Z"}\n';
  await centre.ok(["upload", "-", "--source", "gw-1"], { ...toEdge(), stdin: readings });
  const { upstreams } = await statusOfEdge(
    (status) => status.upstreams[0].sources.length > 0 && status.upstreams[0].queuedPoints === 0,
  );
  const counts = { ackedPoints: 2, droppedPoints: 0, refusedPoints: 0, queuedPoints: 0, source: "gw-1" };
  expect(upstreams[0].sources).toEqual([expect.objectContaining(counts)]);
  const text = await centre.ok(["upstream", "status"], toEdge());
  expect(text).toContain(`to ${centre.server.grpc}  connected for`);
  expect(text).toContain("0 points wait");
  expect(text).toMatch(/gw-1 +2 +0 +0 +0  2026-01-01T00:00:00Z  2026-01-01T00:00:01Z/);
  expect(await centre.ok(["upstream", "status"])).toMatch(/from hall-3  connected.*\n.*\n +gw-1 +2 +0 +0 /);
});

async function publish(server: ServerProcess, alert: object): Promise<void> {
  const response = await fetch(`http://${server.http}/analytics.Alerts/PublishAlert`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(alert),
  });
  if (!response.ok) throw new Error(await response.text());
}

test("alerts and devices are told to the centre", async () => {
  const alert = { rule: "door_open", title: "Door 3 is open", severity: "high", labels: { device: "door-3" } };
  await publish(edge, alert);
  await centre.ok(["device", "register", "door-3", "--name", "Door 3"], toEdge());
  const alerts = async () => {
    const lines = (await centre.ok(["alerts", "--json"])).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as { rule: string; state: string; labels: Record<string, string> });
  };
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await Bun.sleep(50);
  };
  await until(async () => (await alerts()).length > 0);
  expect(await alerts()).toEqual([
    expect.objectContaining({ rule: "door_open", labels: { device: "door-3", origin: "hall-3" } }),
  ]);
  await until(async () => (await centre.ok(["devices"])).includes("Door 3"));
  // Who edited a field last counts, and other fields stay.
  await centre.ok(["device", "update", "door-3", "--name", "Gate"]);
  await centre.ok(["device", "update", "door-3", "--site", "north"], toEdge());
  await until(async () => (await centre.ok(["device", "door-3"])).includes("north"));
  expect(await centre.ok(["device", "door-3"])).toContain("Gate");
  await publish(edge, { ...alert, cleared: true });
  await until(async () => (await centre.ok(["alerts"])).includes("no alert is active"));
});

test("a centre that has lost everything gets it again when it is asked for", async () => {
  await centre.restart(join(centre.dir, "another"));
  const isTold = () => edge.log().some(({ msg }) => String(msg).includes("another node than before"));
  while (!isTold()) await Bun.sleep(50);
  const { code, err } = await centre.run(["upstream", "resend"], toEdge());
  expect([code, err]).toEqual([2, expect.stringContaining("wanted --from, --to or both, or --all")]);
  expect(await centre.ok(["upstream", "resend", "--to", "2025-01-01"], toEdge())).toContain(
    "nothing is stored of that range",
  );
  expect(await centre.ok(["upstream", "resend", "--from", "2026-01-01"], toEdge())).toContain(
    "2 points are sent again",
  );
  await statusOfEdge(({ upstreams }) => upstreams[0].queuedPoints === 0);
  const stored = await centre.ok(["query", "t", "--from", "2026-01-01", "--to", "2026-01-02", "--json"]);
  expect(stored).toContain("gw-1");
});
