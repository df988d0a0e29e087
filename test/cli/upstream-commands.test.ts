/** `watchpost upstream` against a gateway and its centre. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ownPort } from "../support/own-port.ts";
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
  expect(text).toContain(`to ${centre.server.grpc} as hall-3  connected for`);
  expect(text).toContain("0 points wait");
  expect(text).toMatch(/gw-1 +2 +0 +0 +0  2026-01-01T00:00:00Z  2026-01-01T00:00:01Z/);
  expect(await centre.ok(["upstream", "status"])).toMatch(/from hall-3  connected.*\n.*\n +gw-1 +2 +0 +0 /);
});

test("into a pipe the live status is plain text", async () => {
  const followed = centre.follow(["upstream", "status", "--watch"]);
  const lines = await followed.until((seen) => seen.some((line) => line.includes("gw-1")));
  expect((await followed.interrupt()).code).toBe(0);
  expect(lines.join("\n")).toMatch(/^from hall-3 {2}connected/);
  expect(lines.filter((line) => line.includes("\u001b"))).toEqual([]);
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

/** A node that forwards to `address`, with what its status says once it has tried. */
async function statusOf(name: string, address: string, more: Record<string, string>, args: string[] = []) {
  const env = { WATCHPOST_UPSTREAM_ADDRESS: address, WATCHPOST_UPSTREAM_NAME: name, ...more };
  const node = await startServerProcess({ data: join(centre.dir, name), env, args });
  const at = { env: { WATCHPOST_SERVER: node.grpc } };
  try {
    for (;;) {
      const text = await centre.ok(["upstream", "status"], at);
      if (!text.includes("connecting"))
        return { text, json: await centre.ok(["upstream", "status", "--json"], at), node };
      await Bun.sleep(50);
    }
  } finally {
    await node.stop();
  }
}

test("an upstream that nobody reaches is no upstream that refuses; filters and bounds are shown", async () => {
  const { text, json } = await statusOf("far", "127.0.0.1:1", {
    WATCHPOST_UPSTREAM_METRICS: "temp|power.*",
    WATCHPOST_UPSTREAM_TAGS: "site=north",
    WATCHPOST_UPSTREAM_STEP: "1m",
    WATCHPOST_UPSTREAM_FUNCTION: "max",
    WATCHPOST_UPSTREAM_BANDWIDTH: "256KiB",
    WATCHPOST_UPSTREAM_QUEUE_BYTES_MAX: "1GiB",
    WATCHPOST_UPSTREAM_QUEUE_AGE_MAX: "30d",
    WATCHPOST_UPSTREAM_EVENTS: "false",
  });
  expect(text).toMatch(/^to 127\.0\.0\.1:1 as far {2}unreachable for .*, next attempt in .*\n/);
  for (const line of [
    "only metrics temp|power.*, tags site=north\n",
    "down-sampled: max of every 1m\n",
    "at most 256KiB/s, a queue of 1GiB, 30d in the queue\n",
    "without alerts and devices (upstream.events)\n",
    "nothing is lost while it cannot be reached, within upstream.queue_bytes_max",
  ]) {
    expect(text).toContain(`   ${line}`);
  }
  expect(JSON.parse(json).upstreams[0]).toMatchObject({
    lastErrorStatus: "UNAVAILABLE",
    settings: { name: "far", metrics: "temp|power.*", stepMs: 60_000, function: "max", queueAgeMaxMs: 2_592_000_000 },
  });
});

test("an upstream that refuses what would go round for ever is told as that", async () => {
  const address = `127.0.0.1:${ownPort()}`;
  const { text, node } = await statusOf("round", address, {}, ["--grpc", address]);
  expect(text).toMatch(/^to 127\.0\.0\.1:\d+ as round {2}refused for /);
  expect(text).toContain("its points would go round for ever\n   waiting changes nothing: either what it says is");
  const said = node.log().map(({ msg }) => String(msg));
  expect(said).toContainEqual(expect.stringContaining("the upstream refuses this node, which is tried on: "));
  expect(said).not.toContainEqual(expect.stringContaining("cannot be reached"));
});

test("what the centre refuses of devices and alerts is counted, with the last reason", async () => {
  await centre.ok(["device", "register", "valve-1"], toEdge());
  const until = async (text: string) => {
    for (;;) {
      const shown = await centre.ok(["upstream", "status"], toEdge());
      if (shown.includes(text)) return;
      await Bun.sleep(50);
    }
  };
  while (!(await centre.ok(["devices"])).includes("valve-1")) await Bun.sleep(50);
  await centre.ok(["device", "delete", "valve-1"]);
  await centre.ok(["device", "report", "valve-1", "death"], toEdge());
  await until(
    '1 event was refused since the start; the last: device "valve-1": there is no device "valve-1" (NOT_FOUND)',
  );
});

const storedAtCentre = () => centre.ok(["query", "t", "--from", "2026-01-01", "--to", "2026-01-02", "--json"]);

test("a centre that has lost everything gets it again, and once more when it is asked for", async () => {
  await centre.restart(join(centre.dir, "another"));
  const isTold = () => edge.log().some(({ msg }) => String(msg).includes("no longer has what it acknowledged"));
  while (!isTold()) await Bun.sleep(50);
  await statusOfEdge(({ upstreams }) => upstreams[0].queuedPoints === 0);
  expect(await storedAtCentre()).toContain("gw-1");
  // Devices are told again as well, as they are at the gateway.
  while (!(await centre.ok(["devices"])).includes("Door 3")) await Bun.sleep(50);
  const { code, err } = await centre.run(["upstream", "resend"], toEdge());
  expect([code, err]).toEqual([2, expect.stringContaining("wanted --from, --to or both, or --all")]);
  const both = await centre.run(["upstream", "resend", "--to", "2026-01-01", "--all"], toEdge());
  expect(both).toMatchObject({ code: 2, err: expect.stringContaining("--to and --all are given together") });
  expect(await centre.ok(["upstream", "resend", "--to", "2025-01-01"], toEdge())).toContain(
    "nothing is stored of that range",
  );
  expect(await centre.ok(["upstream", "resend", "--from", "2026-01-01"], toEdge())).toContain(
    "2 points are sent again",
  );
  await statusOfEdge(({ upstreams }) => upstreams[0].queuedPoints === 0);
});
