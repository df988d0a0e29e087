/** PublishAlert of those who may publish some alerts only. */
import { expect, test } from "bun:test";
import { scopeOf, type Scope } from "../../src/model/access.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
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
