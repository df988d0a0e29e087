/** ActOnAlerts: the same done to many alerts at once. */
import { expect, test } from "bun:test";
import { ALERTS_ACTED_ON_MAX } from "../../src/model/limits.ts";
import { Alerts, AlertState, type ActOnAlertsRequestSchema } from "../../src/wire/gen/alerts_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { call } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const HOT = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };
type Asked = MessageInitShape<typeof ActOnAlertsRequestSchema>;

/** With an alert of each source. */
async function firing(...sources: string[]) {
  const rig = new AlertsRig();
  await rig.open();
  await rig.put(HOT);
  for (const source of sources) await rig.send({ metric: "temp", source, value: 85 });
  await rig.advance(5_000);
  const act = (asked: Asked) => call(rig, Alerts.method.actOnAlerts, { userId: "eve", ...asked });
  const alerts = async () => (await call(rig, Alerts.method.listAlerts, {})).alerts;
  return { rig, act, alerts };
}

test("all are done in one transaction, each once; those that cannot be are told, each with its reason", async () => {
  const { rig, act, alerts } = await firing("a", "b", "c");
  await call(rig, Alerts.method.resolveAlert, { id: "alert-2" });
  const commits: string[][] = [];
  const append = rig.journal.append.bind(rig.journal);
  rig.journal.append = (events, changes) => {
    commits.push(events.map(({ subject }) => subject));
    return append(events, changes);
  };
  const ids = ["alert-3", "alert-2", "none", "alert-1", "alert-3"];
  const { refusals } = await act({ ids, act: { case: "resolve", value: { comment: "repaired" } } });
  expect(refusals).toMatchObject([
    { id: "alert-2", code: 9, reason: 'the alert "alert-2" is cleared already' },
    { id: "none", code: 5, reason: 'there is no alert "none"' },
  ]);
  expect(commits).toEqual([["alert-3", "alert-1"]]);
  expect((await alerts()).every(({ state }) => state === AlertState.CLEARED)).toBeTrue();
});

test("acknowledges, assigns and comments as the calls for one do, also what is over", async () => {
  const { rig, act, alerts } = await firing("a", "b");
  await call(rig, Alerts.method.resolveAlert, { id: "alert-2" });
  const ids = ["alert-1", "alert-2"];
  for (const asked of [
    { case: "acknowledge", value: { comment: "mine" } },
    { case: "assign", value: { assignee: "bob" } },
    { case: "comment", value: { text: "bearing" } },
  ] as const) {
    expect((await act({ ids, act: asked })).refusals).toEqual([]);
  }
  for (const alert of await alerts()) {
    expect(alert).toMatchObject({
      ...{ acknowledgedBy: "eve", acknowledgedComment: "mine", assignee: "bob" },
      comments: [{ userId: "eve", text: "bearing" }],
    });
  }
});

test("what is asked wrongly is refused by its field, and nothing is done", async () => {
  const { act, alerts } = await firing("a");
  const acknowledge = { case: "acknowledge", value: {} } as const;
  const many = Array.from({ length: ALERTS_ACTED_ON_MAX + 1 }, (_, i) => `${i}`);
  const cases: readonly [Asked, string][] = [
    [{ act: acknowledge }, "ids"],
    [{ ids: many, act: acknowledge }, "ids"],
    [{ ids: ["alert-1"] }, "act"],
    [{ ids: ["alert-1"], act: { case: "comment", value: { text: " " } } }, "text"],
    [{ ids: ["alert-1"], act: { case: "acknowledge", value: { comment: "x".repeat(4_097) } } }, "comment"],
    [{ ids: ["alert-1"], act: { case: "assign", value: { assignee: "x".repeat(257) } } }, "assignee"],
    [{ ids: ["alert-1"], act: acknowledge, userId: "x".repeat(257) }, "user_id"],
  ];
  for (const [asked, field] of cases) {
    await expect(act(asked)).rejects.toMatchObject({ status: "INVALID_ARGUMENT", violations: [{ field }] });
  }
  expect((await alerts()).map(({ acknowledged }) => acknowledged)).toEqual([false]);
});
