/** Sessions and issues that rules have opened for their alerts. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { WatchpostError } from "../../../src/model/errors.ts";
import { IssueStatus, UpdateIssueRequestSchema } from "../../../src/wire/gen/issues_pb.ts";
import { OpeningRig } from "./opening-rig.ts";
import { EVERYBODY } from "../surroundings.ts";

const SECOND_MS = 1_000;
const INCIDENT = "1a2b3c4d-0000-4000-8000-000000000001";
const SESSION = "incident-1a2b3c4d";

async function rigOf(opens: Parameters<OpeningRig["opens"]["set"]>[1] = ["session", "issue"]): Promise<OpeningRig> {
  const rig = new OpeningRig();
  rig.opens.set("hot", opens);
  await rig.open();
  return rig;
}

test("the first alert of an incident opens a session and an issue, later ones are told and linked", async () => {
  const rig = await rigOf();
  await rig.fire({ id: "a1", incident: INCIDENT, title: "pump-1 is at 90" });
  await rig.pass(2 * SECOND_MS);
  expect(rig.sessions()).toEqual([SESSION]);
  const session = await rig.rooms.session(SESSION);
  expect(session).toMatchObject({ title: "pump-1 is at 90", createdBy: "watchpost" });
  expect(session.topic).toMatchObject({ alertIds: ["a1"], incidentIds: [INCIDENT], devices: ["pump-1"] });
  expect(await rig.allIssues()).toMatchObject([
    {
      title: "pump-1 is at 90",
      description: "Opened by rule hot, severity high.\nDevice: pump-1",
      priority: "high",
      links: { alertIds: ["a1"], devices: ["pump-1"], sessionIds: [SESSION] },
      createdBy: "watchpost",
    },
  ]);
  // Rules that have nothing opened belong to the incident all the same.
  await rig.fire({ id: "a2", incident: INCIDENT, rule: "other", severity: "critical", device: "pump-2" });
  await rig.pass(2 * SECOND_MS);
  await rig.write("rose", { id: "a1", incident: INCIDENT, severity: "critical" });
  await rig.clear({ id: "a2", incident: INCIDENT, rule: "other" });
  await rig.pass(2 * SECOND_MS);
  await rig.clear({ id: "a1", incident: INCIDENT }, "by_hand", "ann");
  await rig.pass(2 * SECOND_MS);
  expect(rig.told(SESSION)).toEqual([
    "high alert ‘pump-1 is at 90’ fired",
    "critical alert ‘a2 is hot’ fired; 2 are active",
    "alert ‘a1 is hot’ rose to critical; alert ‘a2 is hot’ is over (resolved); 1 is active",
    "alert ‘a1 is hot’ is over (resolved by ann); none is active any more",
  ]);
  expect(rig.messages(SESSION).at(-1)).toMatchObject({
    type: "system",
    metadata: {
      event: "alerts",
      active: "0",
      cleared: "1",
      severity: "critical",
      alert_ids: "a1",
      incident_id: INCIDENT,
    },
  });
  expect((await rig.rooms.session(SESSION)).topic).toMatchObject({
    alertIds: ["a1", "a2"],
    devices: ["pump-1", "pump-2"],
  });
  expect(await rig.allIssues()).toMatchObject([
    {
      priority: "critical",
      status: IssueStatus.OPEN,
      links: { alertIds: ["a1", "a2"], devices: ["pump-1", "pump-2"] },
      comments: [{ text: "alert ‘a1 is hot’ is over (resolved by ann); none is active any more" }],
    },
  ]);
  expect(rig.trouble).toEqual([]);
  await rig.close();
});

test("a rule that has nothing opened opens nothing, nor do other changes, and what is no alert is told and left out", async () => {
  const rig = await rigOf();
  await rig.fire({ id: "a1", incident: INCIDENT, rule: "other" });
  await rig.fire({ id: "a0", incident: INCIDENT, isPublished: true });
  await rig.write("late", { id: "a2", incident: INCIDENT });
  await rig.write("acknowledged", { id: "a1", incident: INCIDENT });
  await rig.clear({ id: "a3", incident: INCIDENT });
  for (const payload of ["{", "null", '{"change":"fired"}', '{"change":"fired","alert":{"severity":"urgent"}}']) {
    await rig.journal.append([{ atMs: 0, kind: "alert", subject: "a4", actor: "", payload }]);
  }
  await rig.pass(5 * SECOND_MS);
  expect([rig.sessions(), await rig.allIssues()]).toEqual([[], []]);
  expect(rig.trouble.map((sentence) => sentence.replace(/: .*/, ""))).toEqual(
    [6, 7, 8, 9].map((position) => `journal entry ${position} cannot be read, and nothing is opened for it`),
  );
  await rig.close();
});

test("each is opened by itself where only that is asked for, and the other one when a later alert asks for it", async () => {
  const onlySession = await rigOf(["session"]);
  await onlySession.fire({ id: "a1", incident: INCIDENT });
  await onlySession.pass(2 * SECOND_MS);
  expect([onlySession.sessions(), await onlySession.allIssues()]).toEqual([[SESSION], []]);
  await onlySession.close();

  const rig = await rigOf(["issue"]);
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect(rig.sessions()).toEqual([]);
  expect(await rig.allIssues()).toMatchObject([{ links: { alertIds: ["a1"], sessionIds: [] } }]);
  rig.opens.set("cold", ["session"]);
  await rig.fire({ id: "a2", incident: INCIDENT, rule: "cold" });
  await rig.pass(2 * SECOND_MS);
  expect(rig.sessions()).toEqual([SESSION]);
  expect(await rig.allIssues()).toMatchObject([{ links: { alertIds: ["a1", "a2"], sessionIds: [SESSION] } }]);
  await rig.clear({ id: "a1", incident: INCIDENT });
  await rig.clear({ id: "a2", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect((await rig.allIssues())[0].comments.map(({ text }) => text)).toEqual([
    "2 alerts are over: ‘a1 is hot’ and ‘a2 is hot’; none is active any more",
  ]);
  await rig.close();
});

test("alerts of before the opening take nothing from the count of those that are active", async () => {
  const rig = await rigOf();
  for (const id of ["b0", "b1"]) await rig.fire({ id, incident: INCIDENT, rule: "other" });
  await rig.pass(2 * SECOND_MS);
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  await rig.clear({ id: "b0", incident: INCIDENT, rule: "other" });
  await rig.pass(2 * SECOND_MS);
  await rig.close();
  await rig.open();
  await rig.write("rose", { id: "b1", incident: INCIDENT, rule: "other", severity: "critical" });
  await rig.clear({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect((await rig.allIssues())[0].comments).toEqual([]);
  await rig.clear({ id: "b1", incident: INCIDENT, rule: "other" });
  await rig.pass(2 * SECOND_MS);
  expect(rig.told(SESSION)).toEqual([
    "high alert ‘a1 is hot’ fired",
    "alert ‘b0 is hot’ is over (resolved); 1 is active",
    "alert ‘b1 is hot’ rose to critical; alert ‘a1 is hot’ is over (resolved); 1 is active",
    "alert ‘b1 is hot’ is over (resolved); none is active any more",
  ]);
  await rig.close();
});

test("an alert that belongs to no incident has a session of its own", async () => {
  const rig = await rigOf();
  await rig.fire({ id: "9f9f9f9f-1" });
  await rig.fire({ id: "8e8e8e8e-1" });
  await rig.pass(3 * SECOND_MS);
  expect(rig.sessions().sort()).toEqual(["alert-8e8e8e8e", "alert-9f9f9f9f"]);
  expect(await rig.allIssues()).toHaveLength(2);
  await rig.close();
});

test("incidents whose ids begin alike have sessions of their own", async () => {
  const rig = await rigOf(["session"]);
  const other = INCIDENT.replace(/1$/, "2");
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  await rig.fire({ id: "a2", incident: other });
  await rig.pass(2 * SECOND_MS);
  await rig.clear({ id: "a2", incident: other });
  await rig.pass(2 * SECOND_MS);
  expect(rig.sessions().sort()).toEqual([SESSION, `incident-${other}`].sort());
  expect(rig.told(SESSION)).toEqual(["high alert ‘a1 is hot’ fired"]);
  expect(rig.told(`incident-${other}`)).toHaveLength(2);
  await rig.close();
});

test("a session that somebody was in before has its title and topic from the incident, unless it had a title", async () => {
  const rig = await rigOf(["session"]);
  const other = "0f0f0f0f-0000-4000-8000-000000000001";
  await rig.rooms.create({ id: "incident-0f0f0f0f", title: "ours" }, "ann");
  const { stream } = (await rig.rooms.room(SESSION, "ann")).join({ userId: "ann", userName: "" });
  await rig.settle();
  expect(await rig.rooms.session(SESSION)).toMatchObject({ title: "", createdBy: "ann" });
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.fire({ id: "a2", incident: other });
  await rig.pass(2 * SECOND_MS);
  expect(await rig.rooms.session(SESSION)).toMatchObject({ title: "a1 is hot", topic: { incidentIds: [INCIDENT] } });
  expect((await rig.rooms.session("incident-0f0f0f0f")).title).toBe("ours");
  expect(rig.messages(SESSION).map(({ text }) => text)).toEqual([
    "ann joined",
    'the session is called "a1 is hot" now',
    "high alert ‘a1 is hot’ fired",
  ]);
  expect(rig.trouble).toEqual([]);
  stream.outbox.end();
  await rig.close();
});

test("an issue that people have ended is over: the next alert opens another one", async () => {
  const rig = await rigOf();
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  const close = create(UpdateIssueRequestSchema, { number: 1n, status: IssueStatus.CLOSED });
  await rig.issues.update(close, "ann", EVERYBODY);
  await rig.fire({ id: "a2", incident: INCIDENT, rule: "other" });
  await rig.pass(2 * SECOND_MS);
  expect(await rig.allIssues()).toHaveLength(1);
  await rig.fire({ id: "a3", incident: INCIDENT });
  await rig.fire({ id: "a4", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect((await rig.allIssues()).map(({ links }) => links!.alertIds)).toEqual([["a1"], ["a3", "a4"]]);
  expect(rig.sessions()).toEqual([SESSION]);
  await rig.close();
});

test("an alert that flaps leaves a hundred comments and links on the issue, and no trouble", async () => {
  const rig = await rigOf(["issue"]);
  for (let i = 0; i < 105; i++) {
    await rig.fire({ id: `a${i}`, incident: INCIDENT });
    await rig.clear({ id: `a${i}`, incident: INCIDENT });
    await rig.pass(SECOND_MS);
  }
  await rig.pass(2 * SECOND_MS);
  const [{ comments, links }] = await rig.allIssues();
  expect([comments.length, links!.alertIds.length]).toEqual([100, 100]);
  expect(rig.trouble).toEqual([]);
  await rig.close();
});

test("a session that people have closed is not opened again, and told nothing; the issue goes on", async () => {
  const rig = await rigOf();
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  const room = await rig.rooms.room(SESSION, "ann");
  const draft = { type: "system" as const, userId: "ann", userName: "", text: "closed", metadata: { event: "closed" } };
  await room.post({ draft, patch: { state: 2 } });
  await rig.fire({ id: "a2", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect(rig.told(SESSION)).toHaveLength(1);
  expect((await rig.allIssues())[0].links!.alertIds).toEqual(["a1", "a2"]);
  expect(rig.trouble).toEqual([]);
  await rig.close();
});

test("a storm of 10,000 alerts in one incident is a few messages and changes, and short", async () => {
  const rig = await rigOf();
  const ids = Array.from({ length: 10_000 }, (_, i) => `a${i}`);
  const storm = async (change: string, because = "") => {
    for (let i = 0; i < ids.length; i += 500) {
      const some = ids.slice(i, i + 500);
      await rig.journal.append(
        some.map((id, at) =>
          rig.event(change, { id, incident: INCIDENT, device: `d${i + at}`, title: id.padEnd(300, "x") }, because),
        ),
      );
      await rig.pass(100);
    }
    await rig.pass(5 * SECOND_MS);
  };
  const before = rig.journal.appends;
  await storm("fired");
  const fired = rig.messages(SESSION).filter(({ metadata }) => metadata["event"] === "alerts");
  expect(fired.reduce((sum, { metadata }) => sum + Number(metadata["fired"]), 0)).toBe(10_000);
  expect(fired.length).toBeLessThanOrEqual(4);
  for (const { text, metadata } of fired) expect(text.length + JSON.stringify(metadata).length).toBeLessThan(2_000);
  expect(rig.journal.appends - before - 20).toBeLessThan(20);
  expect(rig.issueCalls).toBeLessThanOrEqual(6);
  expect((await rig.rooms.session(SESSION)).topic!.alertIds).toEqual(ids.slice(0, 100));
  expect(await rig.allIssues()).toHaveLength(1);
  expect((await rig.allIssues())[0].links!.alertIds).toEqual(ids.slice(0, 100));
  const { value } = (await rig.journal.document("opened-incident", INCIDENT))!;
  expect(value.length).toBeLessThan(4_000);
  await storm("cleared", "resolved");
  expect(rig.told(SESSION).at(-1)).toEndWith("none is active any more");
  expect(rig.told(SESSION).length).toBeLessThanOrEqual(8);
  expect(rig.trouble).toEqual([]);
  await rig.close();
});

test("what came while the server was away is caught up with, in one message; the first start opens nothing for the past", async () => {
  const rig = new OpeningRig();
  rig.opens.set("hot", ["session", "issue"]);
  await rig.fire({ id: "past", incident: INCIDENT });
  await rig.open();
  await rig.pass(2 * SECOND_MS);
  expect(rig.sessions()).toEqual([]);
  await rig.fire({ id: "a0", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  await rig.close();
  for (let i = 1; i <= 3_000; i++) await rig.fire({ id: `a${i}`, incident: INCIDENT });
  await rig.open();
  await rig.pass(3 * SECOND_MS);
  expect(rig.told(SESSION)).toEqual([
    "high alert ‘a0 is hot’ fired",
    "3000 alerts fired (3000 high): ‘a1 is hot’, ‘a2 is hot’, ‘a3 is hot’ and 2997 more; 3001 are active",
  ]);
  expect(await rig.allIssues()).toHaveLength(1);
  await rig.close();
});

test("killed at any step, and started again: one session, one issue, and everything told once", async () => {
  let runs = 0;
  for (let steps = 0; ; steps++) {
    const rig = new OpeningRig();
    rig.opens.set("hot", ["session", "issue"]);
    await rig.open();
    await rig.pass(SECOND_MS);
    await rig.close();
    await rig.open(steps);
    await rig.fire({ id: "a1", incident: INCIDENT });
    await rig.fire({ id: "b1", incident: "5e5e5e5e-2" });
    await rig.pass(2 * SECOND_MS);
    await rig.fire({ id: "a2", incident: INCIDENT, severity: "critical" });
    await rig.clear({ id: "a1", incident: INCIDENT });
    await rig.pass(2 * SECOND_MS);
    await rig.clear({ id: "a2", incident: INCIDENT });
    await rig.pass(2 * SECOND_MS);
    const wasCrashed = rig.isCrashed;
    rig.crash();
    await rig.open();
    await rig.pass(3 * SECOND_MS);
    expect(rig.sessions().sort()).toEqual([SESSION, "incident-5e5e5e5e"]);
    const created = rig.messages(SESSION).filter(({ metadata }) => metadata["event"] === "created");
    expect({ steps, created: created.length }).toEqual({ steps, created: 1 });
    const told = rig.messages(SESSION).filter(({ metadata }) => metadata["event"] === "alerts");
    const sum = (key: string) => told.reduce((all, { metadata }) => all + Number(metadata[key]), 0);
    expect({ steps, fired: sum("fired"), cleared: sum("cleared") }).toEqual({ steps, fired: 2, cleared: 2 });
    expect(rig.messages(SESSION).map(({ number }) => number)).toEqual(rig.messages(SESSION).map((_, i) => i + 1));
    const issues = (await rig.allIssues()).map(({ links }) => links!.alertIds).sort();
    expect({ steps, issues }).toEqual({ steps, issues: [["a1", "a2"], ["b1"]] });
    const { priority, comments } = (await rig.allIssues()).find(({ links }) => links!.alertIds.includes("a1"))!;
    expect({ steps, priority, comments: comments.length }).toEqual({ steps, priority: "critical", comments: 1 });
    expect(rig.trouble).toEqual([]);
    await rig.close();
    runs++;
    if (!wasCrashed) break;
  }
  expect(runs).toBeGreaterThan(10);
});

test("killed at any step, with people who comment and alerts that go on: each end is in the issue once", async () => {
  let runs = 0;
  for (let steps = 0; ; steps++) {
    const rig = new OpeningRig();
    rig.opens.set("hot", ["session", "issue"]);
    await rig.open();
    await rig.fire({ id: "a1", incident: INCIDENT });
    await rig.pass(2 * SECOND_MS);
    await rig.close();
    await rig.open(steps);
    await rig.clear({ id: "a1", incident: INCIDENT });
    await rig.pass(2 * SECOND_MS);
    const wasCrashed = rig.isCrashed;
    rig.crash();
    await rig.open(Infinity);
    const comment = create(UpdateIssueRequestSchema, { number: 1n, comment: "I looked at it" });
    await rig.issues.update(comment, "ann", EVERYBODY);
    for (const change of ["fired", "cleared"]) await rig.write(change, { id: "a2", incident: INCIDENT });
    await rig.pass(3 * SECOND_MS);
    // It flaps: the same words again.
    for (const change of ["fired", "cleared"]) await rig.write(change, { id: "a2", incident: INCIDENT });
    await rig.pass(3 * SECOND_MS);
    const [{ comments }] = await rig.allIssues();
    const said = comments.filter(({ userId }) => userId === "watchpost").map(({ text }) => text);
    const saying = (id: string) => said.filter((text) => text.includes(`‘${id} is hot’`)).length;
    expect({ steps, a1: saying("a1"), a2: saying("a2") }).toEqual({ steps, a1: 1, a2: 2 });
    expect(rig.trouble).toEqual([]);
    await rig.close();
    runs++;
    if (!wasCrashed) break;
  }
  expect(runs).toBeGreaterThan(3);
});

test("while the journal cannot be written it is tried again, and told once", async () => {
  const rig = await rigOf();
  await rig.fire({ id: "a1", incident: INCIDENT });
  rig.journal.failure = new WatchpostError("UNAVAILABLE", "the disk fails");
  await rig.pass(10 * SECOND_MS);
  expect([rig.sessions(), await rig.allIssues()]).toEqual([[], []]);
  expect(rig.trouble.length).toBeGreaterThan(1);
  expect(rig.trouble[0]).toBe("what rules have opened cannot be told of their alerts: the disk fails");
  rig.journal.failure = null;
  await rig.pass(3 * SECOND_MS);
  expect(rig.told(SESSION)).toEqual(["high alert ‘a1 is hot’ fired"]);
  expect(await rig.allIssues()).toHaveLength(1);
  await rig.close();
});

test("what can never be is told and costs only itself", async () => {
  const rig = await rigOf();
  rig.issueFailure = new WatchpostError("PERMISSION_DENIED", "no issues here");
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect(rig.trouble).toEqual([`incident ${INCIDENT} is not told to its issue: no issues here`]);
  expect(rig.told(SESSION)).toEqual(["high alert ‘a1 is hot’ fired"]);
  rig.issueFailure = null;
  await rig.fire({ id: "b1", incident: "5e5e5e5e-2" });
  await rig.pass(2 * SECOND_MS);
  expect(rig.told("incident-5e5e5e5e")).toEqual(["high alert ‘b1 is hot’ fired"]);
  await rig.close();
});

test("an incident that has been over for long is forgotten; its session stays, and is found again", async () => {
  const rig = await rigOf();
  await rig.fire({ id: "a1", incident: INCIDENT });
  await rig.clear({ id: "a1", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect(rig.journal.count("opened-incident")).toBe(1);
  rig.clock.advance(7 * 86_400_000);
  await rig.fire({ id: "b0", incident: "other", rule: "other" });
  await rig.pass(2 * SECOND_MS);
  expect(rig.journal.count("opened-incident")).toBe(1);
  rig.clock.advance(86_400_000);
  await rig.fire({ id: "b1", incident: "other", rule: "other" });
  await rig.pass(2 * SECOND_MS);
  expect(rig.journal.count("opened-incident")).toBe(0);
  await rig.fire({ id: "a2", incident: INCIDENT });
  await rig.pass(2 * SECOND_MS);
  expect(rig.sessions()).toEqual([SESSION]);
  expect(rig.told(SESSION)).toHaveLength(2);
  await rig.close();
});

test("hostile titles and names stay text, in one line", async () => {
  const rig = await rigOf();
  const title = `<b>\x1b[31m\u202e\r\n${"💥".repeat(200)}`;
  await rig.fire({ id: "a1", incident: INCIDENT, title, device: "d".repeat(300) });
  await rig.pass(2 * SECOND_MS);
  const session = await rig.rooms.session(SESSION);
  expect(session.title.isWellFormed()).toBe(true);
  expect(session.title).toStartWith("<b> [31m\u202e 💥");
  expect(session.title.length).toBeLessThanOrEqual(250);
  expect(session.topic!.devices).toEqual([]);
  expect(rig.told(SESSION)[0]).not.toMatch(/[\r\n\x1b]/);
  expect(rig.trouble).toEqual([]);
  await rig.close();
});
