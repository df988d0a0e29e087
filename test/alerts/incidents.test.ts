/** Which alerts are one incident, what is its cause, and that restarts change nothing of it. */
import { describe, expect, test } from "bun:test";
import { Incidents, type IncidentFacts } from "../../src/alerts/incidents.ts";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { call } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const MINUTE_MS = 60_000;
const PARENTS: Readonly<Record<string, readonly string[]>> = { "pump-1": ["gw-1", "site-1"], "gw-1": ["site-1"] };

function facts(
  id: string,
  minute: number,
  device: string,
  source = "",
  labels: Record<string, string> = {},
): IncidentFacts {
  return { id, firedAtMs: minute * MINUTE_MS, source, device, labels };
}

function incidents(labels: readonly string[] = []): Incidents {
  let ids = 0;
  const parentsOf = (device: string) => PARENTS[device] ?? [];
  return new Incidents({ windowMs: 15 * MINUTE_MS, labels }, () => `i${++ids}`, parentsOf);
}

describe("alerts are one incident", () => {
  test("where they share a device, a gateway or a correlation label, and not for the same site alone", () => {
    const all = incidents(["line"]);
    const id = (alert: IncidentFacts) => all.join(alert).incident.id;
    expect(id(facts("a", 0, "fan", "gw", { site: "s" }))).toBe("i1");
    expect(id(facts("b", 1, "fan", "other", { site: "s" }))).toBe("i1");
    expect(id(facts("c", 2, "valve", "gw", { site: "s" }))).toBe("i1");
    expect(id(facts("d", 3, "motor", "far", { site: "s" }))).toBe("i2");
    expect(id(facts("e", 4, "lamp", "farther", { line: "7" }))).toBe("i3");
    expect(id(facts("f", 5, "saw", "farthest", { line: "7" }))).toBe("i3");
    expect(id(facts("g", 6, "", "", { line: "" }))).toBe("i4");
    expect(id(facts("h", 6, "", "", { line: "" }))).toBe("i5");
  });

  test("within a window that begins with the first of them, however many come", () => {
    const all = incidents();
    const ids = [0, 5, 10, 15, 16, 30].map((minute, i) => all.join(facts(`a${i}`, minute, "fan")).incident.id);
    expect(ids).toEqual(["i1", "i1", "i1", "i1", "i2", "i2"]);
  });

  test("also after all of them were over within it; the incident ends when both are over", () => {
    const all = incidents();
    const { incident } = all.join(facts("a", 0, "fan"));
    expect(all.leave(incident.id, 5 * MINUTE_MS)).toBe(false);
    expect(all.join(facts("b", 6, "fan")).incident.id).toBe(incident.id);
    expect(all.leave(incident.id, 20 * MINUTE_MS)).toBe(true);
    expect(all.get(incident.id)).toBeUndefined();
    expect(all.join(facts("c", 7, "fan")).incident.id).not.toBe(incident.id);
  });

  test("by another correlation from then on, also with alerts that fired before", () => {
    const all = incidents();
    const [a, b, c] = [
      facts("a", 0, "fan", "gw", { line: "7" }),
      facts("b", 2, "saw", "far", { line: "8" }),
      facts("c", 20, "lamp", "farther", { line: "7" }),
    ];
    const active = [a, b].map((alert) => ({ ...alert, incidentId: all.join(alert).incident.id }));
    all.correlateBy({ windowMs: 30 * MINUTE_MS, labels: ["line"] }, active.reverse());
    expect([a, b].map(({ id }) => active.find((alert) => alert.id === id)!.incidentId)).toEqual(["i1", "i2"]);
    expect(all.join(c).incident.id).toBe("i1");
    all.correlateBy({ windowMs: 30 * MINUTE_MS, labels: [] }, []);
    expect(all.join(facts("d", 21, "belt", "farthest", { line: "7" })).incident.id).toBe("i3");
    all.correlateBy({ windowMs: 10 * MINUTE_MS, labels: [] }, []);
    expect(all.join(facts("e", 22, "fan", "gw")).incident.id).toBe("i4");
  });

  test("until they are looked for, where nothing ends them", () => {
    const all = incidents();
    const { incident } = all.join(facts("a", 0, "fan"));
    all.leave(incident.id, MINUTE_MS);
    expect(all.takeOver(14 * MINUTE_MS)).toEqual([]);
    expect(all.takeOver(15 * MINUTE_MS)).toEqual([incident]);
  });
});

describe("the likely cause", () => {
  test("is the device above the others, though another came first", () => {
    const all = incidents();
    all.join(facts("pump", 0, "pump-1", "gw-1"));
    const { incident, isChanged } = all.join(facts("gateway", 3, "gw-1", "gw-1"));
    expect({ rootId: incident.rootId, isChanged }).toEqual({ rootId: "gateway", isChanged: true });
    expect(all.join(facts("early", -1, "pump-1", "gw-1")).incident.rootId).toBe("gateway");
  });

  test("is the first where none is above another, also where it is told of later", () => {
    const all = incidents();
    all.join(facts("a", 5, "fan", "gw"));
    expect(all.join(facts("b", 6, "lamp", "gw")).incident.rootId).toBe("a");
    expect(all.join(facts("c", 4, "saw", "gw")).incident.rootId).toBe("c");
  });
});

describe("served", () => {
  const HOT = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };

  test("with its alerts, over restarts, until it ends", async () => {
    const rig = new AlertsRig();
    await rig.open();
    await rig.put(HOT, { ...HOT, name: "wet", metric: "wet", severity: "critical" });
    await rig.send({ metric: "temp", source: "a", value: 90 });
    await rig.advance(1_000);
    await rig.restart();
    await rig.send({ metric: "wet", source: "a", value: 90 }, { metric: "temp", source: "b", value: 90 });
    const { incidents: found, total } = await call(rig, Alerts.method.listIncidents, {});
    expect(total).toBe(2n);
    expect(found.find(({ active }) => active === 2n)).toMatchObject({
      id: "incident-1",
      rootAlertId: "alert-1",
      title: "temp of a is 90",
      severity: "critical",
      acknowledged: false,
      alertIds: ["alert-1", "alert-2"],
    });
    const { alerts } = await call(rig, Alerts.method.listAlerts, {});
    expect(alerts.map(({ incidentId }) => incidentId).sort()).toEqual(["incident-1", "incident-1", "incident-2"]);
    await call(rig, Alerts.method.acknowledgeAlert, { id: "alert-1" });
    await call(rig, Alerts.method.acknowledgeAlert, { id: "alert-2" });
    const [own] = (await call(rig, Alerts.method.listIncidents, {})).incidents.filter(({ active }) => active === 2n);
    expect(own.acknowledged).toBe(true);

    await rig.advance(20 * MINUTE_MS);
    await rig.send({ metric: "temp", source: "a", value: 1 }, { metric: "wet", source: "a", value: 1 });
    await rig.send({ metric: "temp", source: "b", value: 1 });
    expect((await call(rig, Alerts.method.listIncidents, {})).incidents).toEqual([]);
    await rig.advance(MINUTE_MS);
    expect(rig.journal.count("incidents")).toBe(0);
  });

  test("with the alert of the device above as their cause, though another came first", async () => {
    const rig = new AlertsRig();
    rig.parentsOf = (device) => PARENTS[device] ?? [];
    await rig.open();
    await rig.put(HOT);
    await rig.send({ metric: "temp", source: "gw", tags: { device: "pump-1" }, value: 90 });
    await rig.advance(1_000);
    await rig.send({ metric: "temp", source: "gw", tags: { device: "gw-1" }, value: 90 });
    for (const restart of [async () => {}, () => rig.restart()]) {
      await restart();
      const { incidents: found } = await call(rig, Alerts.method.listIncidents, {});
      expect(found).toMatchObject([
        { rootAlertId: "alert-2", title: "temp of gw-1 is 90", alertIds: ["alert-1", "alert-2"] },
      ]);
    }
    await rig.close();
  });

  test("as the rules file correlates, from the next one on when it changes", async () => {
    const rig = new AlertsRig();
    rig.file = { rules: [], notify: notifySetupOf({ correlation: { labels: ["line"] } }, {}) };
    await rig.open();
    await rig.put(HOT);
    const send = (source: string, rack = "2") =>
      rig.send({ metric: "temp", source, tags: { line: "7", rack }, value: 90 });
    const incidentIds = () => [...rig.alerts.book.active()].map(({ incidentId }) => incidentId);
    await send("a");
    await send("b");
    expect(incidentIds()).toEqual(["incident-1", "incident-1"]);
    await rig.alerts.reload({ rules: [], notify: notifySetupOf({}, {}) });
    await send("c", "3");
    expect(incidentIds().at(-1)).toBe("incident-2");
    await rig.alerts.reload({ rules: [], notify: notifySetupOf({ correlation: { labels: ["rack"] } }, {}) });
    await send("d");
    expect(incidentIds().at(-1)).toBe("incident-1");
    await rig.close();
  });

  test("an alert that joins one that is acknowledged is not acknowledged, and is notified and escalated", async () => {
    const heard: string[] = [];
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { alerts } = (await request.json()) as { alerts: { labels: { source: string; alertname: string } }[] };
        const who = new URL(request.url).pathname.slice(1);
        heard.push(`${who}: ${alerts.map(({ labels }) => labels.alertname).join(" ")}`);
        return new Response("");
      },
    });
    const webhook = (who: string) => ({ url: `http://127.0.0.1:${server.port}/${who}` });
    const sections = {
      route: { receiver: "desk", group_by: ["..."], group_wait: "0s" },
      receivers: ["desk", "lead"].map((name) => ({ name, webhook: webhook(name) })),
      escalations: [{ name: "plant", steps: [{ after: "0s", notify: "lead" }] }],
    };
    const rig = new AlertsRig();
    rig.file = { rules: [], notify: notifySetupOf(sections, {}) };
    const hears = async (count: number) => {
      const deadline = Bun.nanoseconds() + 10e9;
      while (heard.length < count && Bun.nanoseconds() < deadline) await Bun.sleep(2);
      return heard.splice(0).sort();
    };
    await rig.open();
    const rule = { ...HOT, escalation: "plant" };
    await rig.put(rule, { ...rule, name: "wet", metric: "wet" });
    await rig.send({ metric: "temp", source: "a", value: 90 });
    expect(await hears(2)).toEqual(["desk: hot", "lead: hot"]);
    await call(rig, Alerts.method.acknowledgeAlert, { id: "alert-1" });
    await rig.advance(MINUTE_MS);
    await rig.send({ metric: "wet", source: "a", value: 90 });
    expect(await hears(2)).toEqual(["desk: wet", "lead: wet"]);
    const all = [...rig.alerts.book.active()].map(({ rule: name, incidentId, acknowledged }) => {
      return [name, incidentId, acknowledged !== null];
    });
    expect(all).toEqual([
      ["hot", "incident-1", true],
      ["wet", "incident-1", false],
    ]);
    expect((await call(rig, Alerts.method.listIncidents, {})).incidents).toMatchObject([{ acknowledged: false }]);
    await rig.close();
    expect(rig.trouble).toEqual([]);
  });
});
