/** Devices for those who see a part of them: every answer is the one for everybody, without what is out of scope. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { scopeOf, type Scope } from "../../src/model/access.ts";
import { parseSeriesKey, tagOf } from "../../src/model/series-key.ts";
import {
  Devices,
  WatchLastSeenRequestSchema,
  type Device,
  type DeviceEvent,
  type LastSeenUpdate,
} from "../../src/wire/gen/devices_pb.ts";
import { ANONYMOUS } from "../../src/wire/service.ts";
import { randomOf } from "../support/random.ts";
import { DeviceRig, Kept, type Watcher } from "./rig.ts";

type Patterns = Partial<Record<"sources" | "devices" | "sites", string[]>>;
const scope = (patterns: Patterns) => scopeOf({ sources: [], devices: [], sites: [], ...patterns });
const BERLIN = scope({ sites: ["berlin"] });
const GW_1 = scope({ sources: ["gw-1"] });

const fails = (run: Promise<unknown>, status: string, text: string) =>
  expect(run).rejects.toMatchObject({ status, message: expect.stringContaining(text) });
const failure = (run: Promise<unknown>) =>
  run.then(
    () => undefined,
    ({ status, message, violations }) => ({ status, message, violations }),
  );

/** What a reader makes of a stream. */
class Mirror {
  readonly devices = new Map<string, Device>();
  readonly kinds: string[] = [];
  cursor: string;
  failure: unknown;

  constructor(
    readonly watcher: Watcher,
    before?: Mirror,
  ) {
    this.cursor = before?.cursor ?? "";
    for (const [id, device] of before?.devices ?? []) this.devices.set(id, device);
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      for (;;) this.#take(await this.watcher.next());
    } catch (error) {
      this.failure = error;
    }
  }

  #take({ kind, device, cursor }: DeviceEvent): void {
    this.kinds.push(kind);
    if (cursor !== "") this.cursor = cursor;
    if (device === undefined) return;
    const { deviceId } = device;
    const known = this.devices.get(deviceId);
    if (kind === "left" || kind === "deleted") this.devices.delete(deviceId);
    else this.devices.set(deviceId, kind === "status" && known ? { ...known, status: device.status } : device);
  }

  get statuses(): Record<string, string> {
    return Object.fromEntries([...this.devices].sort().map(([id, { status }]) => [id, status]));
  }
}

async function fleet(): Promise<DeviceRig> {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "gw-1", site: "hamburg" });
  await rig.register({ deviceId: "pump", site: "berlin", parent: "gw-1" });
  await rig.register({ deviceId: "fan", site: "hamburg" });
  rig.send([
    rig.series("t", "gw-1", { device: "pump" }),
    rig.series("secret", "gw-2", { device: "pump" }),
    rig.series("t", "gw-2", { device: "fan" }),
    rig.series("t", "gw-2", { device: "found", site: "berlin" }),
  ]);
  await rig.settle();
  return rig;
}

describe("reading", () => {
  test("lists, counts and pages are of what is in scope", async () => {
    const rig = await fleet();
    const list = await rig.list({ pageSize: 1 }, BERLIN);
    expect([list.devices.map(({ deviceId }) => deviceId), list.total, list.byStatus]).toEqual([
      ["found"],
      2n,
      { online: 2n },
    ]);
    const next = await rig.list({ pageSize: 1, pageToken: list.nextPageToken }, BERLIN);
    expect([next.devices.map(({ deviceId }) => deviceId), next.nextPageToken]).toEqual([["pump"], ""]);
    expect((await rig.list({ sites: ["hamburg"] }, BERLIN)).total).toBe(0n);
    const counts = await rig.devices.countsIn(BERLIN);
    expect([counts.get("online"), counts.get("never_seen"), counts.size]).toEqual([2, 0, 5]);
  });

  test("of a device that is seen by some of its series, readings and sources are those of these", async () => {
    const rig = await fleet();
    const whole = (await rig.get("pump")).device!;
    expect([whole.sources, whole.sensors.map(({ metricName }) => metricName).sort()]).toEqual([
      ["gw-1", "gw-2"],
      ["secret", "t"],
    ]);
    const part = (await rig.get("pump", 0, GW_1)).device!;
    expect([part.sources, part.sensors.map(({ metricName }) => metricName)]).toEqual([["gw-1"], ["t"]]);
    const [listed] = (await rig.list({ search: "pump" }, GW_1)).devices;
    expect([listed.sources, part.parent]).toEqual([["gw-1"], "gw-1"]);
  });

  test("one that is out of scope answers as one that there is not", async () => {
    const rig = await fleet();
    for (const id of ["fan", "nobody"]) {
      const told = { status: "NOT_FOUND", message: `there is no device "${id}"`, violations: [] };
      const asked = [
        rig.get(id, 10, BERLIN),
        rig.call("updateDevice", { device: { deviceId: id, name: "x" }, fields: ["name"], revision: 99n }, BERLIN),
        rig.call("deleteDevice", { deviceId: id }, BERLIN),
        rig.call("reportDevice", { deviceId: id, kind: "death" }, BERLIN),
        rig.call("reportDevice", { deviceId: id, kind: "birth", mustBeKnown: true }, BERLIN),
      ];
      for (const run of asked) expect(await failure(run)).toEqual(told);
    }
    expect((await rig.get("fan")).device).toMatchObject({ name: "", status: "online" });
  });
});

test("however many scopes there are, and whichever device has the place of one that is gone, each sees its own", async () => {
  const rig = await DeviceRig.open();
  const count = 150;
  for (let i = 0; i < count; i++) await rig.register({ deviceId: `d${i}`, site: `s${i}` });
  const scopes = Array.from({ length: count }, (_, i) => scope({ sites: [`s${i}`] }));
  const seen = async (given: Scope) => (await rig.list({}, given)).devices.map(({ deviceId }) => deviceId);
  for (let i = 0; i < count; i++) expect(await seen(scopes[i])).toEqual([`d${i}`]);
  await rig.call("deleteDevice", { deviceId: "d0" });
  await rig.call("deleteDevice", { deviceId: "d149" });
  await rig.register({ deviceId: "other", site: "s149" });
  await rig.update({ deviceId: "d1", site: "s0" }, ["site"]);
  const found = await Promise.all([0, 1, 2, 149].map((i) => seen(scopes[i])));
  expect(found).toEqual([["d1"], [], ["d2"], ["other"]]);
});

describe("changing", () => {
  const register = (rig: DeviceRig, device: object, given: Scope, replace = false) =>
    rig.call("registerDevice", { device, replace }, given);
  const ONE = 'wanted one in the scope of "anonymous": sites berlin';

  test("nothing is registered or moved out of one's own scope", async () => {
    const rig = await fleet();
    for (const site of ["hamburg", ""]) {
      for (const deviceId of ["fan", "free"]) {
        const { message, ...told } = (await failure(register(rig, { deviceId, site }, BERLIN)))!;
        expect([message, told.status]).toEqual([`device.site is "${site}"; ${ONE}`, "INVALID_ARGUMENT"]);
      }
      const move = rig.call("updateDevice", { device: { deviceId: "pump", site }, fields: ["site"] }, BERLIN);
      await fails(move, "INVALID_ARGUMENT", `device.site is "${site}"; ${ONE}`);
    }
    await register(rig, { deviceId: "free", site: "berlin" }, BERLIN);
    await rig.call("updateDevice", { device: { deviceId: "free", name: "Free" }, fields: ["name"] }, BERLIN);
    const named = scope({ devices: ["p*"] });
    await fails(register(rig, { deviceId: "x" }, named), "INVALID_ARGUMENT", 'device.device_id is "x"; wanted one in');
    await register(rig, { deviceId: "p-2", site: "anywhere" }, named);
    await fails(register(rig, { deviceId: "x" }, GW_1), "INVALID_ARGUMENT", 'device.device_id is "x"; wanted one in');
  });

  test("an id that exists out of scope is refused as one that would be out of it, whatever is asked for", async () => {
    const rig = await fleet();
    for (const replace of [false, true]) {
      const taken = await failure(register(rig, { deviceId: "fan", site: "berlin" }, BERLIN, replace));
      expect(taken).toMatchObject({ status: "INVALID_ARGUMENT", message: `device.device_id is "fan"; ${ONE}` });
    }
    await fails(rig.call("reportDevice", { deviceId: "fan", kind: "birth" }, BERLIN), "INVALID_ARGUMENT", ONE);
    expect((await rig.get("fan")).device!.site).toBe("hamburg");
  });

  test("nobody takes over the points of a device that was deleted", async () => {
    const rig = await DeviceRig.open();
    rig.send([
      rig.series("t", "gw", { device: "old", site: "hamburg" }),
      rig.series("t", "gw", { device: "mine", site: "berlin" }),
    ]);
    await rig.settle();
    for (const deviceId of ["old", "mine"]) await rig.call("deleteDevice", { deviceId });
    await fails(register(rig, { deviceId: "old", site: "berlin" }, BERLIN), "INVALID_ARGUMENT", ONE);
    await register(rig, { deviceId: "mine", site: "berlin" }, BERLIN);
  });

  test("who sees some series of a device changes nothing of it: others would come along", async () => {
    const rig = await DeviceRig.open();
    rig.send([
      rig.series("t", "gw", { device: "both", site: "hamburg" }),
      rig.series("u", "gw", { device: "both", site: "berlin" }),
    ]);
    await rig.settle();
    expect((await rig.get("both", 0, BERLIN)).device!.sensors.map(({ metricName }) => metricName)).toEqual(["u"]);
    const wanted = "wanted one of which everything is in the scope";
    const site = { deviceId: "both", site: "berlin" };
    await fails(rig.call("updateDevice", { device: site, fields: ["site"] }, BERLIN), "INVALID_ARGUMENT", wanted);
    await fails(register(rig, site, BERLIN), "INVALID_ARGUMENT", wanted);
    await fails(rig.call("deleteDevice", { deviceId: "both" }, BERLIN), "INVALID_ARGUMENT", wanted);
  });

  test("texts name nothing that is out of scope", async () => {
    const rig = await fleet();
    await rig.update({ deviceId: "fan", parent: "pump" }, ["parent"]);
    const circle = (given?: Scope) =>
      rig.call("updateDevice", { device: { deviceId: "pump", parent: "fan" }, fields: ["parent"] }, given);
    await fails(circle(), "INVALID_ARGUMENT", "not below it: fan is below pump");
    const { message } = (await failure(circle(BERLIN)))!;
    expect(message).toBe('parent is "fan"; wanted a device that is not below it');
    const small = await DeviceRig.open(new Kept(), undefined, { devicesMax: 1 });
    await small.register({ deviceId: "a", site: "hamburg" });
    const full = register(small, { deviceId: "b", site: "berlin" }, BERLIN);
    await fails(full, "RESOURCE_EXHAUSTED", "1 new device beside those there are;");
  });

  test("imports are held to the same, line by line", async () => {
    const rig = await fleet();
    const csv = "device_id,name,site\npump,The pump,berlin\nfan,Fan,berlin\nnew,New,hamburg\nok,OK,berlin\n";
    const load = (text: string) => rig.call("importDevices", { format: "csv", content: Buffer.from(text) }, BERLIN);
    const { problems } = (await load(csv)) as { problems: string[] };
    expect(problems).toEqual([`line 3: device.device_id is "fan"; ${ONE}`, `line 4: device.site is "hamburg"; ${ONE}`]);
    const made = await load(csv.replace(/^(fan|new).*\n/gm, ""));
    expect(made).toMatchObject({ created: 1, updated: 1, problems: [] });
  });
});

describe("streams", () => {
  test("a device that is moved leaves and enters at once, and says nothing of where it was", async () => {
    const rig = await fleet();
    const mirror = new Mirror(rig.watch({}, BERLIN));
    await rig.settle();
    expect([mirror.statuses, mirror.kinds]).toEqual([
      { found: "online", pump: "online" },
      ["snapshot", "snapshot", "snapshot_end"],
    ]);
    mirror.kinds.length = 0;
    await rig.update({ deviceId: "pump", site: "hamburg" }, ["site"]);
    await rig.update({ deviceId: "pump", name: "Elsewhere" }, ["name"]);
    const whole = rig.watch();
    await whole.snapshot();
    const part = rig.watch({}, BERLIN);
    await part.snapshot();
    await rig.update({ deviceId: "fan", site: "berlin" }, ["site"]);
    expect((await whole.next()).before).toMatchObject({ site: "hamburg" });
    const { kind, device, before } = await part.next();
    expect([kind, device!.deviceId, before]).toEqual(["updated", "fan", undefined]);
    await rig.settle();
    expect([mirror.statuses, mirror.kinds]).toEqual([{ fan: "online", found: "online" }, ["left", "updated"]]);
  });

  test("so does one whose points come from elsewhere, without an event that says so", async () => {
    const rig = await fleet();
    const mirror = new Mirror(rig.watch({}, GW_1));
    await rig.settle();
    expect(Object.keys(mirror.statuses)).toEqual(["gw-1", "pump"]);
    const series = rig.series("t", "gw-1", { device: "fan" });
    rig.send([series]);
    await rig.settle();
    expect(Object.keys(mirror.statuses)).toEqual(["fan", "gw-1", "pump"]);
    rig.registry.forget([series]);
    await rig.settle();
    expect(Object.keys(mirror.statuses)).toEqual(["gw-1", "pump"]);
    expect(mirror.kinds.slice(-2)).toEqual(["updated", "left"]);
  });

  test("with a cursor a stream goes on, or says that it cannot where the journal does not say who came and left", async () => {
    const rig = await fleet();
    const before = new Mirror(rig.watch({}, BERLIN));
    await rig.settle();
    before.watcher.close();
    await rig.update({ deviceId: "pump", site: "hamburg" }, ["site"]);
    await rig.update({ deviceId: "fan", site: "berlin" }, ["site"]);
    await rig.update({ deviceId: "gw-1", name: "Gateway" }, ["name"]);
    await rig.call("deleteDevice", { deviceId: "found" });
    const after = new Mirror(rig.watch({ cursor: before.cursor }, BERLIN), before);
    await rig.settle();
    expect([after.statuses, after.kinds]).toEqual([{ fan: "online" }, ["left", "updated", "deleted"]]);
    rig.send([rig.series("t", "gw-3", { device: "gw-1", site: "berlin" })]);
    await rig.settle();
    const bySource = rig.watch({ cursor: after.cursor }, GW_1);
    await fails(bySource.next(), "OUT_OF_RANGE", "where their points came from; watch again without it");
    // Where it is registered counts before the tag.
    const bySite = new Mirror(rig.watch({ cursor: after.cursor }, BERLIN));
    await rig.settle();
    expect(bySite.failure).toBeUndefined();
  });

  test("what was heard lately is told of devices in scope", async () => {
    const rig = await fleet();
    const impl = rig.devices.methods.find(({ method }) => method === Devices.method.watchLastSeen)!;
    const run = impl.run as unknown as (request: object, context: object) => AsyncGenerator<LastSeenUpdate>;
    const over = new AbortController();
    const context = { signal: over.signal, principal: { ...ANONYMOUS, scope: BERLIN }, headers: new Map(), peer: "" };
    const stream = run(create(WatchLastSeenRequestSchema), context);
    expect(((await stream.next()).value as LastSeenUpdate).deviceIds.sort()).toEqual(["found", "pump"]);
    const next = stream.next();
    await rig.update({ deviceId: "fan", site: "berlin" }, ["site"]);
    await rig.settle(6_000);
    expect(((await next).value as LastSeenUpdate).deviceIds).toEqual(["fan"]);
    over.abort();
  });
});

/** What a series or a device without any says of where it is. */
function placeOf(rig: DeviceRig, id: string, series: number) {
  const identity = parseSeriesKey(rig.registry.keyOf(series));
  const site = rig.devices.siteOf(id) || (tagOf(identity, "site") ?? "");
  return { place: { source: identity.source, device: id, site }, identity };
}

function isIn(rig: DeviceRig, given: Scope, id: string): boolean {
  const series = [...rig.devices.seriesOf(id)];
  if (series.length === 0) return given.takes({ source: id, device: id, site: rig.devices.siteOf(id) });
  return series.some((each) => given.takes(placeOf(rig, id, each).place));
}

for (let seed = 1; seed <= 6; seed++) {
  test(`every answer is the one for everybody without what is out of scope (seed ${seed})`, async () => {
    const random = randomOf(Number(process.env["WATCHPOST_TEST_SEED"] ?? 0) * 1_000 + seed);
    const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
    const names = ["a", "b", "ab", "ba", "c"];
    const sites = ["", "x", "y", "xy"];
    const patterns = (of: readonly string[]) =>
      of.filter((text) => text !== "" && random() < 0.25).map((text) => any([text, `${text}*`]));
    const rig = await DeviceRig.open();
    const readers = Array.from({ length: 6 }, () => {
      const given = scope({ sources: patterns(names), devices: patterns(names), sites: patterns(sites) });
      const request = random() < 0.5 ? {} : any([{ types: ["p", ""] }, { statuses: ["online", "never_seen"] }]);
      return { given, request, mirror: new Mirror(rig.watch(request, given)), away: undefined as Mirror | undefined };
    });
    const acts: (() => Promise<unknown> | void)[] = [
      () =>
        rig.register({ deviceId: any(names), site: any(sites), type: any(["p", "q"]) }, { replace: random() < 0.5 }),
      () => rig.update({ deviceId: any(names), site: any(sites) }, ["site"]),
      () => rig.update({ deviceId: any(names), name: any(names) }, ["name"]),
      () => (random() < 0.3 ? rig.call("deleteDevice", { deviceId: any(names) }) : undefined),
      () => rig.call("reportDevice", { deviceId: any(names), kind: any(["birth", "death"]) }),
      () => {
        const tags = {
          ...(random() < 0.6 && { device: any(names) }),
          ...(random() < 0.5 && { site: any(sites.slice(1)) }),
        };
        rig.send([rig.series(any(["t", "u"]), any(names), tags)]);
      },
      () => void (random() < 0.3 && rig.registry.forget([1 + Math.floor(random() * rig.registry.idEnd)])),
    ];
    // What is there already, or is not there, is refused.
    const act = () => Promise.resolve(any(acts)()).catch(() => {});
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 3; i++) await act();
      for (let i = 0; i < 2; i++) await rig.settle(250);
      const reader = any(readers);
      const { given, request, mirror } = reader;
      const ids = (await rig.list()).devices.map(({ deviceId }) => deviceId).filter((id) => isIn(rig, given, id));
      const listed = await rig.list({}, given);
      expect([listed.devices.map(({ deviceId }) => deviceId), listed.total]).toEqual([ids, BigInt(ids.length)]);
      const id = any(names);
      const answer = await rig.get(id, 5, given).catch(({ message }) => message as string);
      if (ids.includes(id)) {
        const places = [...rig.devices.seriesOf(id)].map((series) => placeOf(rig, id, series));
        const seen = places.filter(({ place }) => given.takes(place)).map(({ identity }) => identity);
        const whole = await rig.get(id, 5);
        const sensors = whole.device!.sensors.filter(({ metricName }) =>
          seen.some(({ metric }) => metric === metricName),
        );
        // What happened to it elsewhere it does not take along.
        const bySite = scope({ sites: [...given.patterns.sites] });
        const isThere = (at: Device | undefined) =>
          !at?.site || whole.device!.revision === 0n || bySite.takes({ source: "", device: "", site: at.site });
        const events = whole.events
          .filter(({ device }) => isThere(device))
          .map((event) => (isThere(event.before) ? event : { ...event, before: undefined }));
        expect<unknown>(answer).toEqual({
          ...whole,
          events,
          device: {
            ...whole.device,
            sources: [...new Set(seen.map(({ source }) => source))].sort(),
            sensors: sensors.map(() => expect.anything()),
          },
        });
      } else expect(answer).toBe(`there is no device "${id}"`);
      const wanted = async () => {
        const { devices } = await rig.list(request);
        const kept = devices.filter(({ deviceId }) => isIn(rig, given, deviceId));
        return Object.fromEntries(kept.map(({ deviceId, status }) => [deviceId, status]).sort());
      };
      if (reader.away === undefined) {
        const { failure, statuses } = mirror;
        expect({ round, failure, statuses }).toEqual({ round, failure: undefined, statuses: await wanted() });
        if (random() > 0.3) continue;
        mirror.watcher.close();
        reader.away = mirror;
        continue;
      }
      // Back again, behind what it had, or from the beginning where that cannot be.
      reader.mirror = new Mirror(rig.watch({ ...request, cursor: reader.away.cursor }, given), reader.away);
      reader.away = undefined;
      await rig.settle(0);
      if (reader.mirror.failure !== undefined) {
        expect(reader.mirror.failure).toMatchObject({ status: "OUT_OF_RANGE" });
        reader.mirror = new Mirror(rig.watch(request, given));
        await rig.settle(0);
      }
      expect({ round, statuses: reader.mirror.statuses }).toEqual({ round, statuses: await wanted() });
    }
  });
}
