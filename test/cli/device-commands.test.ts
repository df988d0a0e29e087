/** `watchpost devices` and `watchpost device` over a server of its own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-devices");
}, 120_000);

afterAll(() => rig.close());

const rows = (out: string) => out.split("\n").map((line) => line.trim().split(/ {2,}/));
const device = (...args: string[]) => rig.run(["device", ...args]);

async function statusOf(id: string): Promise<string> {
  const out = await rig.ok(["devices", "--json", "--search", id]);
  return (JSON.parse(out || "{}") as { status?: string }).status ?? "";
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await isSo()) return;
    await Bun.sleep(50);
  }
  throw new Error(`waited in vain until ${what}`);
}

test("a device is listed with its first value, and shown with what is said of it", async () => {
  expect(await rig.ok(["devices"])).toBe("no device matches\n");
  await rig.send("p-1", 21.25);
  await until("p-1 is known", async () => (await statusOf("p-1")) === "online");
  const said = ["--name", "Pump 1", "--site", "north", "--parent", "gw", "--interval", "30s", "--tag", "line=4"];
  const sensor = ["--sensor", "t,unit=°C,min=-5,max=40,precision=1", "--at", "52.5,13.4", "--location", "hall 3"];
  expect(await rig.ok(["device", "register", "p-1", ...said, ...sensor])).toBe("registered p-1  online  Pump 1\n");
  const [titles, row, count] = rows(await rig.ok(["devices"]));
  expect(titles).toEqual(["DEVICE", "STATUS", "LAST SEEN", "INTERVAL", "NAME", "SITE", "PARENT"]);
  expect(row).toEqual(["p-1", "online", expect.stringMatching(/ ago$/), "30s", "Pump 1", "north", "gw"]);
  expect(count).toEqual(["1 device: 1 online"]);
  const page = await rig.ok(["device", "p-1"]);
  const lines = [
    "Name         Pump 1",
    "Silence      late after 45s, offline after 1m30s",
    "Location     hall 3 (52.5, 13.4)",
  ];
  for (const line of [...lines, "Tags         line=4", "Sources      gw"]) expect(page).toContain(`\n${line}\n`);
  expect(page).toMatch(/\nt +21\.3 +°C +\S+ ago +-5\.\.40\n/);
  expect(page).toMatch(/Z {2}p-1 {2}updated {2}by ann\n/);
  expect(JSON.parse(await rig.ok(["device", "show", "p-1", "--json", "--events", "1"]))).toMatchObject({
    device: { deviceId: "p-1", revision: "1" },
    events: [{ kind: "updated", actor: "ann" }],
  });
}, 120_000);

test("a table is of a hundred, unless another limit or all are asked for", async () => {
  const ids = Array.from({ length: 101 }, (_, i) => `many-${String(i).padStart(3, "0")}`);
  await rig.ok(["device", "import", "-", "--format", "csv"], {
    stdin: `device_id,site\n${ids.join(",many\n")},many\n`,
  });
  const listed = async (...flags: string[]) =>
    (await rig.ok(["devices", "--site", "many", ...flags])).trimEnd().split("\n");
  const hundred = await listed();
  expect([hundred.length, hundred.at(-1)]).toEqual([
    102,
    "100 of 101 devices: 101 never seen; --limit shows more, --all all",
  ]);
  expect(await listed("--all")).toHaveLength(103);
  expect(await listed("--limit", "2")).toHaveLength(4);
  expect(await rig.run(["devices", "--all", "--limit", "2"])).toMatchObject({ code: 2 });
  expect(await rig.run(["devices", "--all", "--watch"])).toMatchObject({ code: 2 });
  await rig.ok(["device", "delete", ...ids]);
}, 120_000);

test("changes, deletes and reports; what is wrong is said with its code", async () => {
  await rig.ok(["device", "register", "g-1", "--type", "gateway"]);
  await rig.ok(["device", "register", "c-1", "--parent", "g-1"]);
  expect(await device("register", "g-1")).toMatchObject({
    code: 1,
    err: expect.stringContaining("is registered already, at revision 1; --replace puts this in its place"),
  });
  expect(await device("update", "g-1")).toMatchObject({ code: 2, err: expect.stringContaining("nothing to change") });
  expect(await device("update", "g-1", "--name", "x", "--revision", "1")).toMatchObject({ code: 0 });
  expect(await device("update", "g-1", "--name", "y", "--revision", "1")).toMatchObject({
    code: 1,
    err: expect.stringContaining("is at revision 2"),
  });
  expect(await device("register", "z", "--sensor", "t,colour=red")).toMatchObject({
    code: 2,
    err: expect.stringContaining("is none of unit"),
  });
  expect(await rig.ok(["device", "report", "g-1", "death", "--reason", "no power"])).toBe("reported g-1  offline  x\n");
  expect(await device("report", "g-1", "birth", "--time", "-1h")).toMatchObject({
    ...{ code: 1, out: "" },
    err: expect.stringContaining('the birth of device "g-1" at 20'),
  });
  expect(await device("report", "nope", "birth")).toMatchObject({
    code: 1,
    err: expect.stringContaining('there is no device "nope"'),
  });
  expect(await rig.ok(["device", "g-1"])).toMatch(/\nReason {7}no power\n[^]*\nChildren {5}c-1 \(never seen\)\n/);
  expect(await device("delete", "g-1", "nobody")).toMatchObject({
    code: 1,
    out: "deleted g-1\n",
    err: expect.stringContaining('there is no device "nobody"'),
  });
  expect(await rig.ok(["device", "c-1"])).not.toContain("Parent");
  expect(await device("g-1")).toMatchObject({ code: 1, err: expect.stringContaining('there is no device "g-1"') });
}, 120_000);

test("imports are all or nothing", async () => {
  writeFileSync(join(rig.dir, "fleet.csv"), "device_id,site,sensor,unit\ni-1,east,t,K\ni-1,,p,Pa\ni-2,east,,\n");
  writeFileSync(join(rig.dir, "bad.csv"), "device_id,altitude\ni-3,\ni-4,high\n");
  expect(await rig.ok(["device", "import", "fleet.csv", "--dry-run"])).toBe(
    "would be registered 2, would be updated 0, unchanged 0\n",
  );
  expect(await rig.ok(["devices", "--site", "east"])).toBe("no device matches\n");
  expect(await rig.ok(["device", "import", "fleet.csv"])).toBe("registered 2, updated 0, unchanged 0\n");
  expect(await device("import", "bad.csv")).toMatchObject({
    code: 1,
    err: 'error: bad.csv: line 3, column 2: altitude is "high"; wanted a number\nnothing was changed\n',
  });
  expect(await rig.ok(["devices", "--search", "i-3"])).toBe("no device matches\n");
  const json = '[{"deviceId":"i-1","site":"west"}]';
  expect(await rig.ok(["device", "import", "-", "--format", "json"], { stdin: json })).toBe(
    "registered 0, updated 1, unchanged 0\n",
  );
  for (const args of [
    ["devices", "--site", "east"],
    ["device", "i-1"],
  ]) {
    writeFileSync(join(rig.dir, "told.jsonl"), await rig.ok([...args, "--json"]));
    expect(await rig.ok(["device", "import", "told.jsonl"])).toBe("registered 0, updated 0, unchanged 1\n");
  }
  expect(await device("import", "fleet.txt")).toMatchObject({
    code: 2,
    err: expect.stringContaining("wanted --format csv"),
  });
  expect(await device("import", "missing.csv")).toMatchObject({
    code: 2,
    err: expect.stringContaining("missing.csv cannot be read"),
  });
}, 120_000);

test("a live list goes on over a crash of the server, and misses nothing", async () => {
  const live = rig.follow(["devices", "--watch", "--json", "--site", "live"]);
  const kinds = (lines: readonly string[]) => lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
  await live.until((lines) => kinds(lines).includes("snapshot_end"));
  await rig.ok(["device", "register", "l-1", "--site", "live"]);
  await live.until((lines) => kinds(lines).includes("registered"));
  await rig.restart();
  await rig.ok(["device", "update", "l-1", "--name", "x"]);
  await rig.ok(["device", "update", "l-1", "--site", "gone"]);
  const lines = await live.until((all) => kinds(all).includes("left"));
  expect(kinds(lines)).toEqual(["snapshot_end", "registered", "updated", "left"]);
  expect((await live.interrupt()).code).toBe(0);
}, 120_000);

test("hostile names steer no terminal", async () => {
  await rig.ok(["device", "register", "\u001b[31mred\u202e", "--name", "a\u0007b"]);
  const out = await rig.ok(["devices", "--search", "red"]);
  expect(out).toContain("\ufffd[31mred\ufffd");
  expect(out).not.toMatch(/[\u001b\u0007\u202e]/);
  expect(await rig.ok(["device", "\u001b[31mred\u202e"])).not.toMatch(/[\u001b\u0007\u202e]/);
}, 120_000);
