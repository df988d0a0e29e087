/** PublishAlert of those who may publish some alerts only. */
import { toJsonString } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { EVERYTHING, scopeOf, type Scope } from "../../src/model/access.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { Alerts, AlertSchema } from "../../src/wire/gen/alerts_pb.ts";
import { call } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

test("alerts of what is out of the scope of whoever publishes them are refused, and are not there to be cleared", async () => {
  const rig = new AlertsRig();
  await rig.open();
  rig.sites.set("pump", "berlin");
  const scope = scopeOf({ sources: ["gw*"], devices: [], sites: ["berlin"] });
  const publish = (labels: Record<string, string>, given?: Scope, cleared = false) =>
    call(rig, Alerts.method.publishAlert, { rule: "leak", labels, cleared }, given);
  const wanted = {
    status: "INVALID_ARGUMENT",
    message: expect.stringContaining("wanted source, device or site in the scope of"),
  };
  for (const labels of [
    { source: "gw-1", device: "fan" },
    { source: "gw-1", device: "fan", site: "hamburg" },
    { source: "other", device: "pump" },
    { device: "pump" },
    { site: "berlin" },
    {},
  ]) {
    await expect(publish(labels, scope)).rejects.toMatchObject(wanted);
    await publish(labels);
    const cleared = await publish(labels, scope, true).catch((error: Error) => error.message);
    expect(cleared).toBe('no alert of "leak" with these labels is active');
  }
  await publish({ source: "gw-1", device: "pump", site: "hamburg" }, scope);
  await publish({ source: "gw-1", device: "fan", site: "berlin" }, scope);
  rig.registry.add(seriesKey("m", "gw-1", [["device", "pump"]]), "gw-1");
  await publish({ device: "pump" }, scope, true);
});

test("what a gateway says of itself, or of a device without points, comes from the gateway; of other devices their points say it", async () => {
  const rig = new AlertsRig();
  await rig.open();
  rig.registry.add(seriesKey("m", "gw-2", [["device", "fan"]]), "gw-2");
  const scope = scopeOf({ sources: ["gw-1"], devices: [], sites: [] });
  const publish = (labels: Record<string, string>, given: Scope) =>
    call(rig, Alerts.method.publishAlert, { rule: "leak", labels }, given);
  await publish({ origin: "gw-1" }, scope);
  await publish({ origin: "gw-1", device: "pump" }, scope);
  await publish({ origin: "gw-1" }, scopeOf({ sources: [], devices: ["gw-1"], sites: [] }));
  for (const labels of [{ origin: "gw-2" }, { origin: "gw-1", device: "fan" }, { origin: "gw-1", source: "gw-2" }]) {
    await expect(publish(labels, scope)).rejects.toMatchObject({ status: "INVALID_ARGUMENT" });
  }
  const berlin = scopeOf({ sources: ["gw-1"], devices: [], sites: ["berlin"] });
  await expect(publish({ origin: "gw-1", device: "pump" }, berlin)).rejects.toMatchObject({
    status: "INVALID_ARGUMENT",
  });
  rig.sites.set("pump", "berlin");
  await publish({ origin: "gw-1", device: "pump" }, berlin);
});

test("whoever sends alerts is not told what others do about them", async () => {
  const rig = new AlertsRig();
  await rig.open();
  const publish = async (as: object) => {
    const { alert } = await call(rig, Alerts.method.publishAlert, { rule: "leak", title: "Leak" }, EVERYTHING, as);
    return alert!;
  };
  const { id } = await publish({});
  await call(rig, Alerts.method.assignAlert, { id, assignee: "ben", userId: "ann" });
  await call(rig, Alerts.method.commentAlert, { id, text: "on my way", userId: "ben" });
  await call(rig, Alerts.method.acknowledgeAlert, { id, userId: "ben", comment: "mine" });
  const seen = await publish({});
  expect(seen).toMatchObject({ assignee: "ben", acknowledgedBy: "ben", comments: [{ text: "on my way" }] });
  const told = await publish({ role: "ingest" });
  expect(told).toMatchObject({
    id,
    title: "Leak",
    assignee: "",
    acknowledged: false,
    acknowledgedBy: "",
    comments: [],
  });
  expect(toJsonString(AlertSchema, told)).not.toMatch(/ben|mine/);
});
