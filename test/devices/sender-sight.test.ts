/** What those who send points may say of devices: of their own alone. */
import { expect, test } from "bun:test";
import { scopeOf, type Scope } from "../../src/model/access.ts";
import type { StatusName } from "../../src/model/errors.ts";
import type { Device } from "../../src/wire/gen/devices_pb.ts";
import { DeviceRig, type DeviceInit } from "./rig.ts";

const scope = (patterns: Partial<Record<"sources" | "devices" | "sites", string[]>>) =>
  scopeOf({ sources: [], devices: [], sites: [], ...patterns });

function sender(rig: DeviceRig, name: string, given: Scope) {
  const as = { name, role: "ingest" as const, isAuthenticated: true, via: "token" };
  const call = (method: "registerDevice" | "updateDevice", request: object) =>
    rig.call(method, request, given, as) as Promise<{ device: Device }>;
  return {
    register: (device: DeviceInit, more: object = {}) => call("registerDevice", { device, ...more }),
    report: (deviceId: string, more: object = {}) =>
      rig.call("reportDevice", { deviceId, kind: "birth", ...more }, given, as) as Promise<{ device: Device }>,
    update: (device: DeviceInit, ...fields: string[]) => call("updateDevice", { device, fields }),
  };
}

async function fails(run: Promise<unknown>, status: StatusName, message: string) {
  await expect(run).rejects.toMatchObject({ status, message: expect.stringContaining(message) });
}

test("a gateway registers and edits the devices of its points, and is told nothing of what others said of them", async () => {
  const rig = await DeviceRig.open();
  const { register, update } = sender(rig, "gateway-7", scope({ sources: ["gw-7"] }));
  rig.send([rig.series("t", "gw-7", { device: "pump" }), rig.series("t", "gw-8", { device: "fan" })]);
  rig.send([rig.series("t", "gw-7", { device: "shared" }), rig.series("t", "gw-8", { device: "shared" })]);
  await rig.settle();
  expect((await register({ deviceId: "pump", name: "Pump" })).device).toMatchObject({ deviceId: "pump", name: "" });
  await rig.update({ deviceId: "pump", type: "centrifugal" }, ["type"]);
  expect((await update({ deviceId: "pump", name: "Pump 7" }, "name")).device).toMatchObject({ name: "", type: "" });
  expect((await rig.get("pump")).device).toMatchObject({ name: "Pump 7", type: "centrifugal" });
  const out = 'device.device_id is "fan"; wanted one in the scope of "gateway-7": sources gw-7';
  await fails(register({ deviceId: "fan" }), "INVALID_ARGUMENT", out);
  await fails(update({ deviceId: "fan", name: "x" }, "name"), "NOT_FOUND", 'no device "fan"');
  const whole = 'wanted one of which everything is in the scope of "gateway-7": sources gw-7';
  await fails(update({ deviceId: "shared", site: "x" }, "site"), "INVALID_ARGUMENT", whole);
  const replaced = "may not replace what is registered";
  await fails(register({ deviceId: "pump" }, { replace: true }), "PERMISSION_DENIED", replaced);
});

test("a device without points is whose who told of it first, until it is deleted or its points say more", async () => {
  const rig = await DeviceRig.open();
  const seven = sender(rig, "gateway-7", scope({ sources: ["gw-7"] }));
  const eight = sender(rig, "gateway-8", scope({ sources: ["gw-8"] }));
  await seven.register({ deviceId: "pump", name: "Pump" });
  await rig.update({ deviceId: "pump", type: "x" }, ["type"], { userId: "ann" });
  await seven.update({ deviceId: "pump", name: "Pump 7" }, "name");
  const noPump = 'there is no device "pump"';
  await fails(eight.update({ deviceId: "pump", site: "north" }, "site"), "NOT_FOUND", noPump);
  await fails(eight.register({ deviceId: "pump" }), "INVALID_ARGUMENT", 'device_id is "pump"; wanted one in the scope');
  await rig.call("deleteDevice", { deviceId: "pump" });
  await eight.register({ deviceId: "pump" });
  await fails(seven.update({ deviceId: "pump", name: "x" }, "name"), "NOT_FOUND", noPump);
  await eight.update({ deviceId: "pump", name: "Pump 8" }, "name");
  await fails(seven.report("pump"), "INVALID_ARGUMENT", 'device_id is "pump"');
  expect((await eight.report("pump")).device).toMatchObject({ status: "online", name: "" });
  rig.send([rig.series("t", "gw-7", { device: "pump" })]);
  await rig.settle();
  await seven.update({ deviceId: "pump", name: "Pump 7" }, "name");
  await fails(eight.update({ deviceId: "pump", name: "x" }, "name"), "NOT_FOUND", noPump);
  // There is no such device any more, and whoever got its id would get its points.
  await rig.call("deleteDevice", { deviceId: "pump" });
  await fails(eight.register({ deviceId: "pump" }), "INVALID_ARGUMENT", 'device_id is "pump"');
});

test("a device that is not there may be told of by its birth, and not by its death", async () => {
  const rig = await DeviceRig.open();
  const seven = sender(rig, "gateway-7", scope({ sources: ["gw-7"] }));
  await fails(seven.report("pump", { kind: "death" }), "NOT_FOUND", 'there is no device "pump"');
  await seven.report("pump");
  await seven.report("pump", { kind: "death" });
  expect(rig.devices.statusOf("pump")).toBe("offline");
});

test("devices and sites of a scope hold for devices with and without points, and nobody moves one out of it", async () => {
  const rig = await DeviceRig.open();
  const one = sender(rig, "pump-7", scope({ devices: ["pump-7"] }));
  await one.register({ deviceId: "pump-7", site: "berlin" });
  await fails(one.register({ deviceId: "pump-8" }), "INVALID_ARGUMENT", "devices pump-7");
  for (const given of [scope({ sites: ["berlin"] }), scope({ sites: ["berlin"], sources: ["gw-7"] })]) {
    const berlin = sender(rig, "berlin", given);
    const fan = `fan of ${given.key.length}`;
    await berlin.register({ deviceId: fan, site: "berlin" });
    await fails(berlin.register({ deviceId: "valve", site: "hamburg" }), "INVALID_ARGUMENT", "wanted one in the scope");
    await fails(berlin.register({ deviceId: "valve" }), "INVALID_ARGUMENT", "wanted one in the scope");
    await berlin.update({ deviceId: fan, name: "Fan" }, "name");
    const away = berlin.update({ deviceId: fan, site: "hamburg" }, "site");
    await fails(away, "INVALID_ARGUMENT", 'device.site is "hamburg"');
    await rig.update({ deviceId: fan, site: "hamburg" }, ["site"]);
    await fails(berlin.update({ deviceId: fan, site: "berlin" }, "site"), "NOT_FOUND", "there is no device");
    await sender(rig, "all", scope({})).update({ deviceId: fan, site: "berlin" }, "site");
  }
});
