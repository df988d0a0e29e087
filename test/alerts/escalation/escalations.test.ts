/** What timelines do not show: what is written down, other configurations, what is known of an incident. */
import { expect, test } from "bun:test";
import { escalationConfigOf } from "../../../src/alerts/escalation/escalation-config-input.ts";
import type { Action } from "../../../src/alerts/escalation/escalation-action.ts";
import { Escalations } from "../../../src/alerts/escalation/escalations.ts";
import { Rig, START_MS } from "./rig.ts";
import { actionText, makeFacts } from "./timeline.ts";

const MINUTE_MS = 60_000;

function configOf(...steps: readonly (readonly [after: string, notify: string])[]) {
  const written = { name: "plant", repeat: 1, steps: steps.map(([after, notify]) => ({ after, notify })) };
  return escalationConfigOf(
    { escalations: [written] },
    { receivers: ["ops", "lead"], repeatIntervalMs: 60 * MINUTE_MS },
  );
}

const both = configOf(["0s", "ops"], ["10m", "lead"]);

test("documents are of incidents and their alerts, and are gone with them", () => {
  const escalations = new Escalations(both);
  escalations.put(makeFacts({ id: "a", incidentId: "i:1" }), START_MS);
  expect(escalations.changes().map(({ key }) => key)).toEqual(["member:a", "incident:i:1"]);
  expect(escalations.changes()).toEqual([]);
  escalations.put(makeFacts({ id: "a", incidentId: "i:1" }), START_MS + 1);
  expect(escalations.changes()).toEqual([]);
  expect(escalations.firingIds()).toEqual(["a"]);
  escalations.put(makeFacts({ id: "a", incidentId: "i:1", isFiring: false }), START_MS + 2);
  expect(escalations.changes()).toEqual([
    { key: "member:a", value: null },
    { key: "incident:i:1", value: null },
  ]);
  expect([escalations.firingIds(), escalations.due(START_MS + 3), escalations.nextMs]).toEqual([[], [], Infinity]);
});

test("a restart alone writes nothing", () => {
  const rig = new Rig({ config: both });
  rig.put(makeFacts({ id: "a" }));
  rig.put(makeFacts({ id: "b", isAcknowledged: true, ackAtMs: START_MS }));
  rig.put(makeFacts({ id: "c", isMuted: true }));
  const documents = [...rig.documents, ["silence:s", "{}"]].map(([key, value]) => ({ key, value }));
  const escalations = Escalations.restore(both, documents, rig.wallMs);
  expect(escalations.changes()).toEqual([]);
  expect(escalations.firingIds().sort()).toEqual(["a", "b", "c"]);
});

test("another configuration: a shorter policy ends sooner, one that is gone is forgotten", () => {
  const said: string[] = [];
  const onAction = (action: Action, atMs: number) => void said.push(`${atMs / MINUTE_MS} ${actionText(action)}`);
  const rig = new Rig({ config: both, onAction });
  rig.put(makeFacts({ id: "a" }));
  rig.goTo(15 * MINUTE_MS);
  rig.restart(configOf(["0s", "lead"]));
  rig.goTo(50 * MINUTE_MS);
  rig.restart({ policies: [], schedules: [] });
  rig.goTo(500 * MINUTE_MS);
  expect(said).toEqual([
    "0 a step 1 of loop 1 to ops: a",
    "10 a step 2 of loop 1 to lead: a",
    "40 a step 1 of loop 2 to lead: a",
  ]);
  expect(rig.documents.size).toBe(0);
});

test("alerts without their incident, and an incident without its alerts, as a crash may leave them", () => {
  const rig = new Rig({ config: both });
  rig.put(makeFacts({ id: "a" }));
  rig.put(makeFacts({ id: "b" }));
  const documents = [...rig.documents]
    .filter(([key]) => key !== "incident:a" && key !== "member:b")
    .map(([key, value]) => ({ key, value }));
  const escalations = Escalations.restore(both, documents, rig.wallMs);
  expect(escalations.due(rig.wallMs).map(actionText)).toEqual(["a step 1 of loop 1 to ops: a"]);
  expect(escalations.changes()).toContainEqual({ key: "incident:b", value: null });
});

test("incidents that are exhausted are known until somebody acknowledges", () => {
  const rig = new Rig({ config: both });
  const facts = makeFacts({ id: "a" });
  rig.put(facts);
  rig.goTo(79 * MINUTE_MS);
  expect(rig.escalations.exhausted()).toEqual([]);
  rig.goTo(80 * MINUTE_MS);
  expect(rig.escalations.exhausted()).toEqual(["a"]);
  rig.restart();
  expect(rig.escalations.exhausted()).toEqual(["a"]);
  rig.put({ ...facts, isAcknowledged: true, ackAtMs: rig.wallMs });
  expect(rig.escalations.exhausted()).toEqual([]);
});

test("many at once: the gravest first; an incident of many alerts is quick", () => {
  const escalations = new Escalations(both);
  for (let i = 0; i < 20_000; i++) escalations.put(makeFacts({ id: `x${i}`, incidentId: "many" }), START_MS);
  escalations.put(makeFacts({ id: "low", severity: "low" }), START_MS);
  escalations.put(makeFacts({ id: "critical", severity: "critical" }), START_MS);
  const actions = escalations.due(START_MS);
  expect(actions.map(({ incidentId, alertIds }) => [incidentId, alertIds.length])).toEqual([
    ["critical", 1],
    ["many", 20_000],
    ["low", 1],
  ]);
  expect(escalations.changes().length).toBe(20_005);
  for (let i = 0; i < 20_000; i++) {
    escalations.put(makeFacts({ id: `x${i}`, incidentId: "many", isAcknowledged: true, ackAtMs: START_MS }), START_MS);
  }
  for (let i = 0; i < 20_000; i++) {
    escalations.put(makeFacts({ id: `x${i}`, incidentId: "many", isFiring: false }), START_MS);
  }
  expect(escalations.due(START_MS + 10 * MINUTE_MS).map(actionText)).toEqual([
    "critical step 2 of loop 1 to lead: critical",
    "low step 2 of loop 1 to lead: low",
  ]);
});
