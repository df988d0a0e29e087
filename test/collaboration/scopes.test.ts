/** Sessions, annotations and issues of those who see a part: what is out of it is as what is not there, also in streams that are open. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { WatchAnnotationsRequestSchema, type AnnotationEventSchema } from "../../src/wire/gen/annotations_pb.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { WatchIssuesRequestSchema, type IssueUpdateSchema } from "../../src/wire/gen/issues_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { Rig, settle, START_MS, type CallerOptions } from "./rig.ts";
import { seeing } from "./surroundings.ts";
import { Watched } from "./watched.ts";

const M = Collaboration.method;
const BERLIN = seeing("berta", { sites: ["berlin"] });
const HAMBURG = seeing("hans", { sites: ["hamburg"] });
const noSession = (id: string) => ({ status: "NOT_FOUND", message: `there is no session ${JSON.stringify(id)}` });

/** pump is in Berlin and fan in Hamburg; each has a temperature, and an alert. */
async function rigWithTwoSites(): Promise<Rig> {
  const rig = await Rig.open();
  const { surroundings } = rig;
  surroundings.series("temperature", "gw-1", { device: "pump" });
  surroundings.series("temperature", "gw-2", { device: "fan" });
  surroundings.series("pressure", "gw-1", { device: "pump" });
  surroundings.move("pump", "berlin");
  surroundings.move("fan", "hamburg");
  surroundings.alerts.set("a-pump", { source: "gw-1", device: "pump" });
  surroundings.alerts.set("a-fan", { source: "gw-2", device: "fan" });
  surroundings.alerts.set("a-server", { alertname: "disk" });
  surroundings.incidents.set("i-pump", ["a-pump"]);
  surroundings.incidents.set("i-both", ["a-pump", "a-fan"]);
  await rig.advance(1_000);
  return rig;
}

const watchAnnotations = (
  rig: Rig,
  caller: typeof BERLIN,
  request: MessageInitShape<typeof WatchAnnotationsRequestSchema>,
) =>
  new Watched<MessageInitShape<typeof AnnotationEventSchema>>(
    rig,
    "watchAnnotations",
    create(WatchAnnotationsRequestSchema, request),
    caller,
  );
const watchIssues = (
  rig: Rig,
  caller: typeof BERLIN,
  request: MessageInitShape<typeof WatchIssuesRequestSchema> = {},
) =>
  new Watched<MessageInitShape<typeof IssueUpdateSchema>>(
    rig,
    "watchIssues",
    create(WatchIssuesRequestSchema, request),
    caller,
  );

describe("a session", () => {
  const topics = {
    lobby: {},
    pump: { devices: ["pump"] },
    fan: { devices: ["fan"] },
    both: { devices: ["pump", "fan"] },
    "alert-pump": { alertIds: ["a-pump"] },
    "alert-fan": { alertIds: ["a-fan"], devices: ["pump"] },
    "alert-server": { alertIds: ["a-server"] },
    "alert-gone": { alertIds: ["a-gone"] },
    "incident-pump": { incidentIds: ["i-pump"] },
    "incident-both": { incidentIds: ["i-both"], alertIds: ["a-pump"] },
    "incident-over": { incidentIds: ["i-over"], alertIds: ["a-pump"] },
    "incident-gone": { incidentIds: ["i-over"] },
    pressure: { metrics: ["pressure"] },
    temperature: { metrics: ["temp*"] },
    "metric-gone": { metrics: ["gone"] },
  };

  test("is there for whoever sees all that it is about, and what is about nothing for everybody", async () => {
    await using rig = await rigWithTwoSites();
    for (const [sessionId, topic] of Object.entries(topics)) await rig.ask(M.createSession, { sessionId, topic });
    const seenBy = async (caller: CallerOptions) => {
      const { sessions } = await rig.ask(M.listSessions, {}, caller);
      const seen = new Set(sessions.map(({ id }) => id));
      for (const sessionId of Object.keys(topics)) {
        const asked = rig.ask(M.getSession, { sessionId }, caller);
        if (seen.has(sessionId)) expect((await asked).session!.id).toBe(sessionId);
        else await expect(asked).rejects.toMatchObject(noSession(sessionId));
      }
      return [...seen].sort();
    };
    expect(await seenBy(BERLIN)).toEqual(
      ["alert-pump", "incident-over", "incident-pump", "lobby", "pressure", "pump", "temperature"].sort(),
    );
    expect(await seenBy(HAMBURG)).toEqual(["fan", "lobby", "temperature"]);
    expect(await seenBy({})).toEqual(Object.keys(topics).sort());
    expect((await rig.ask(M.listSessions, { device: "fan" }, BERLIN)).sessions).toEqual([]);
  });

  test("of an alert that has to be read is seen as well", async () => {
    await using rig = await rigWithTwoSites();
    for (const alert of ["a-pump", "a-fan"]) rig.surroundings.longOver.add(alert);
    await rig.ask(M.createSession, { sessionId: "s", topic: { alertIds: ["a-pump"] } });
    await rig.ask(M.createSession, { sessionId: "t", topic: { alertIds: ["a-pump", "a-fan"] } });
    expect((await rig.join("x", { sessionId: "s" }, BERLIN)).ended).toBeUndefined();
    expect((await rig.join("x", { sessionId: "t" }, BERLIN)).ended).toMatchObject(noSession("t"));
    expect((await rig.join("x", { sessionId: "s" }, HAMBURG)).ended).toMatchObject(noSession("s"));
  });

  test("is not opened, nor made to be, about what whoever does it does not see", async () => {
    await using rig = await rigWithTwoSites();
    const words = (field: string, name: string, what: string) => ({
      status: "INVALID_ARGUMENT",
      message: `${field} is "${name}"; wanted ${what} in the scope of berta (sites berlin)`,
    });
    const opened = (topic: object) => rig.ask(M.createSession, { sessionId: "s", topic }, BERLIN);
    await expect(opened({ devices: ["pump", "fan"] })).rejects.toMatchObject(words("topic.devices", "fan", "a device"));
    await expect(opened({ alertIds: ["a-fan"] })).rejects.toMatchObject(words("topic.alert_ids", "a-fan", "an alert"));
    await expect(opened({ alertIds: ["gone"] })).rejects.toMatchObject(words("topic.alert_ids", "gone", "an alert"));
    await expect(opened({ metrics: ["gone"] })).rejects.toMatchObject(words("topic.metrics", "gone", "series"));
    await opened({ devices: ["pump"] });
    const changed = rig.ask(M.updateSession, { sessionId: "s", topic: { devices: ["fan"] } }, BERLIN);
    await expect(changed).rejects.toMatchObject(words("topic.devices", "fan", "a device"));
    await rig.ask(M.updateSession, { sessionId: "s", topic: {} }, BERLIN);
    expect((await rig.ask(M.getSession, { sessionId: "s" }, HAMBURG)).session!.id).toBe("s");
  });

  test("ends for a member that does not see it any more once its topic is another one", async () => {
    await using rig = await rigWithTwoSites();
    await rig.ask(M.createSession, { sessionId: "s", topic: { devices: ["pump"] } });
    const member = await rig.join("x", { sessionId: "s" }, BERLIN);
    const other = await rig.join("ann", { sessionId: "s" });
    await rig.ask(M.updateSession, { sessionId: "s", topic: { devices: ["pump", "fan"] } });
    await settle();
    expect(member.ended).toMatchObject(noSession("s"));
    const events = other.got.map(({ metadata }) => metadata["event"]);
    expect([member.events.includes("topic"), events.slice(-2)]).toEqual([false, ["topic", "left"]]);
    member.say("still here?");
    await settle();
    expect(other.said).toEqual([]);
    await expect(rig.send({ sessionId: "s", message: "still here?" }, BERLIN)).rejects.toMatchObject(noSession("s"));
  });

  test("ends within a second for a member where a device has moved, and goes on for the others", async () => {
    await using rig = await rigWithTwoSites();
    await rig.ask(M.createSession, { sessionId: "s", topic: { alertIds: ["a-pump"] } });
    const berta = await rig.join("x", { sessionId: "s" }, BERLIN);
    const ann = await rig.join("ann", { sessionId: "s" });
    const lobby = await rig.join("x", {}, BERLIN);
    rig.surroundings.move("pump", "hamburg");
    await rig.advance(1_000);
    expect([berta.ended, ann.ended, lobby.ended]).toEqual([noSession("s"), undefined, undefined]);
    expect((await rig.join("y", { sessionId: "s" }, HAMBURG)).ended).toBeUndefined();
    expect((await rig.watch({ sessionId: "s", cursor: berta.cursor }, BERLIN)).ended).toMatchObject(noSession("s"));
  });

  test("shows whoever joins the issues of it that they see", async () => {
    await using rig = await rigWithTwoSites();
    await rig.ask(M.createIssue, { title: "of the fan", sessionId: "lobby", links: { devices: ["fan"] } });
    await rig.ask(M.createIssue, { title: "of the pump", sessionId: "lobby", links: { devices: ["pump"] } });
    const shown = (member: { readonly got: readonly { metadata: Record<string, string>; message: string }[] }) =>
      member.got.filter(({ metadata }) => metadata["event"] === "open").map(({ message }) => message);
    expect(shown(await rig.join("x", {}, BERLIN))).toEqual(["of the pump"]);
    expect(shown(await rig.join("ann"))).toEqual(["of the pump", "of the fan"]);
  });

  test("is opened by nobody who only reads", async () => {
    await using rig = await Rig.open();
    const viewer = { principal: { ...seeing("vera").principal, role: "viewer" as const } };
    expect((await rig.watch({ sessionId: "new" }, viewer)).ended).toEqual(noSession("new"));
    expect((await rig.watch({}, viewer)).ended).toBeUndefined();
    await rig.join("ann", { sessionId: "new" });
    const watching = await rig.watch({ sessionId: "new" }, viewer);
    expect(watching.ended).toBeUndefined();
    await rig.ask(M.leaveSession, { sessionId: "new", streamId: watching.streamId }, viewer);
    await settle();
    expect(watching.ended?.status).toBe("OK");
  });

  test("is not named by the page of a list that it is left out of", async () => {
    await using rig = await rigWithTwoSites();
    await rig.ask(M.createSession, { sessionId: "mine", topic: { devices: ["pump"] } });
    for (let i = 0; i < 2_500; i++) {
      rig.clock.advance(1);
      await rig.ask(M.createSession, { sessionId: `secret-${i}`, topic: { devices: ["fan"] } });
    }
    const ids: string[] = [];
    const pages: string[] = [];
    for (let page = ""; ;) {
      const { sessions, nextPage } = await rig.ask(M.listSessions, { page }, BERLIN);
      ids.push(...sessions.map(({ id }) => id));
      pages.push(Buffer.from((page = nextPage), "base64url").toString());
      if (page === "") break;
    }
    expect([ids, pages.length, pages.join()]).toEqual([["mine"], 2, expect.not.stringContaining("secret")]);
  });
});

describe("an annotation", () => {
  const at = timestampOfMs(START_MS);
  const pins = {
    pump: { device: "pump" },
    fan: { device: "fan" },
    "pressure of the pump": { metric: "pressure", device: "pump" },
    "temperature of the fan": { metric: "temperature", source: "gw-2" },
    temperature: { metric: "temperature" },
    "gateway 2": { source: "gw-2" },
    "alert of the pump": { alertId: "a-pump" },
    "pump and the fan's alert": { device: "pump", alertId: "a-fan" },
    lobby: { sessionId: "lobby" },
    "session of the fan": { sessionId: "of-fan", device: "pump" },
  };

  async function annotated(): Promise<{ readonly rig: Rig; readonly ids: Map<string, string> }> {
    const rig = await rigWithTwoSites();
    await rig.ask(M.createSession, { sessionId: "lobby" });
    await rig.ask(M.createSession, { sessionId: "of-fan", topic: { devices: ["fan"] } });
    const ids = new Map<string, string>();
    for (const [text, pin] of Object.entries(pins)) {
      const { annotation } = await rig.ask(M.createAnnotation, { userId: "ann", text, from: at, pin });
      ids.set(text, annotation!.id);
    }
    const madeIn = { userId: "ann", text: "said of the pump", from: at, pin: pins.pump, sessionId: "of-fan" };
    ids.set(madeIn.text, (await rig.ask(M.createAnnotation, madeIn)).annotation!.id);
    return { rig, ids };
  }

  test("is there for whoever sees all that it is pinned to, and the session that it was made in", async () => {
    const { rig, ids } = await annotated();
    await using _ = rig;
    const listed = async (caller: CallerOptions) => {
      const { annotations } = await rig.ask(M.listAnnotations, {}, caller);
      const texts = annotations.map(({ text }) => text).sort();
      for (const [text, id] of ids) {
        if (texts.includes(text)) expect((await rig.ask(M.getAnnotation, { id }, caller)).annotation!.text).toBe(text);
        else {
          const none = { status: "NOT_FOUND", message: `there is no annotation "${id}"` };
          for (const method of [M.getAnnotation, M.editAnnotation, M.removeAnnotation] as const) {
            await expect(rig.ask(method as typeof M.getAnnotation, { id }, caller)).rejects.toMatchObject(none);
          }
          const metadata = { id, action: "remove" };
          const said = rig.send({ messageType: "annotation", metadata }, caller);
          await expect(said).rejects.toMatchObject(none);
        }
      }
      return texts;
    };
    expect(await listed(BERLIN)).toEqual(["alert of the pump", "lobby", "pressure of the pump", "pump", "temperature"]);
    expect(await listed(HAMBURG)).toEqual(["fan", "gateway 2", "lobby", "temperature", "temperature of the fan"]);
    expect(await listed({})).toEqual([...ids.keys()].sort());
  });

  test("is not pinned to what whoever makes it does not see, nor made in a session that it does not see", async () => {
    const { rig } = await annotated();
    await using _ = rig;
    const made = (request: object) => rig.ask(M.createAnnotation, { text: "x", ...request }, BERLIN);
    const refused = (field: string, name: string, what: string) => ({
      status: "INVALID_ARGUMENT",
      message: `${field} is "${name}"; wanted ${what} in the scope of berta (sites berlin)`,
    });
    await expect(made({ pin: pins.fan })).rejects.toMatchObject(refused("pin.device", "fan", "a device"));
    await expect(made({ pin: { metric: "temperature", device: "fan" } })).rejects.toMatchObject(
      refused("pin.metric", "temperature", "series"),
    );
    await expect(made({ pin: { sessionId: "none" } })).rejects.toMatchObject(
      refused("pin.session_id", "none", "a session"),
    );
    await expect(made({ sessionId: "of-fan" })).rejects.toMatchObject(noSession("of-fan"));
    await expect(made({ sessionId: "of-fan", pin: pins.pump })).rejects.toMatchObject(noSession("of-fan"));
    const metadata = { device: "fan" };
    const said = rig.send({ messageType: "annotation", message: "x", metadata }, BERLIN);
    await expect(said).rejects.toMatchObject(refused("pin.device", "fan", "a device"));
    expect((await made({ sessionId: "new" })).annotation).toMatchObject({ author: "berta", madeIn: "new" });
  });

  test("is watched as far as it is seen; a device that moves ends the stream, and its cursor", async () => {
    const { rig, ids } = await annotated();
    await using _ = rig;
    const hour = { from: at, to: timestampOfMs(START_MS + 3_600_000) };
    const texts = (watched: ReturnType<typeof watchAnnotations>) =>
      watched.got.flatMap(({ annotation }) => (annotation === undefined ? [] : [annotation.text]));
    const berta = watchAnnotations(rig, BERLIN, hour);
    const all = watchAnnotations(rig, seeing("ann"), hour);
    await settle();
    expect(texts(berta).sort()).toEqual(["alert of the pump", "lobby", "pressure of the pump", "pump", "temperature"]);
    for (const [text, id] of ids) {
      if (text === "fan" || text === "pump") await rig.ask(M.editAnnotation, { id, text: `${text} again` });
    }
    await settle();
    expect([texts(berta).slice(5), texts(all).slice(-2).sort()]).toEqual([["pump again"], ["fan again", "pump again"]]);
    const { cursor } = berta.got.at(-1)!;
    const resumed = watchAnnotations(rig, BERLIN, { ...hour, cursor: cursor! });
    const ofOther = watchAnnotations(rig, HAMBURG, { ...hour, cursor: cursor! });
    await settle();
    expect([resumed.ended, ofOther.ended.slice(0, 12)]).toEqual(["", "OUT_OF_RANGE"]);

    const changed = "UNAVAILABLE: what you see has changed; watch again";
    rig.surroundings.move("elsewhere", "oslo");
    await rig.advance(1_000);
    // What it goes on behind may have been anything.
    expect([berta.ended, resumed.ended]).toEqual(["", changed]);
    rig.surroundings.move("pump", "hamburg");
    await rig.advance(1_000);
    expect([berta.ended, all.ended]).toEqual([changed, ""]);
    const late = watchAnnotations(rig, BERLIN, { ...hour, cursor: cursor! });
    const anew = watchAnnotations(rig, BERLIN, hour);
    await settle();
    expect([late.ended.slice(0, 12), texts(anew)]).toEqual(["OUT_OF_RANGE", ["lobby"]]);
    for (const watched of [all, anew]) watched.leave();
  });

  test("of a session that becomes about something else leaves, and its stream ends", async () => {
    const { rig } = await annotated();
    await using _ = rig;
    const hour = { from: at, to: timestampOfMs(START_MS + 3_600_000) };
    const berta = watchAnnotations(rig, BERLIN, hour);
    await settle();
    await rig.ask(M.updateSession, { sessionId: "lobby", topic: { devices: ["fan"] } });
    await rig.advance(1_000);
    expect(berta.ended).toStartWith("UNAVAILABLE");
    expect((await rig.ask(M.listAnnotations, {}, BERLIN)).annotations.map(({ text }) => text)).not.toContain("lobby");
  });
});

describe("an issue", () => {
  async function tracked(): Promise<Rig> {
    const rig = await rigWithTwoSites();
    await rig.ask(M.createSession, { sessionId: "lobby" });
    await rig.ask(M.createSession, { sessionId: "of-fan", topic: { devices: ["fan"] } });
    const { annotation } = await rig.ask(M.createAnnotation, { text: "x", pin: { device: "fan" } });
    const links = [
      {},
      { devices: ["pump"] },
      { devices: ["fan"] },
      { alertIds: ["a-pump"], devices: ["pump"] },
      { alertIds: ["a-pump", "a-fan"] },
      { sessionIds: ["lobby"] },
      { sessionIds: ["of-fan"], devices: ["pump"] },
      { annotationIds: [annotation!.id] },
    ];
    for (const one of links) await rig.ask(M.createIssue, { title: "t", userId: "ann", links: one });
    return rig;
  }

  test("is there for whoever sees all that it is linked to, and what is linked to nothing for everybody", async () => {
    await using rig = await tracked();
    const listed = async (caller: CallerOptions) => {
      const { issues } = await rig.ask(M.listIssues, {}, caller);
      const open = await rig.ask(M.listIssues, { filter: { statuses: [1] } }, caller);
      expect(open.issues).toEqual(issues);
      const seen = issues.map(({ number }) => Number(number)).sort();
      for (let number = 1; number <= 9; number++) {
        const asked = () => rig.ask(M.getIssue, { number: BigInt(number) }, caller);
        if (seen.includes(number)) expect((await asked()).issue!.title).toBe("t");
        else {
          const none = { status: "NOT_FOUND", message: `there is no issue ${number}` };
          await expect(asked()).rejects.toMatchObject(none);
          const changed = rig.ask(M.updateIssue, { number: BigInt(number), title: "u", revision: 7n }, caller);
          await expect(changed).rejects.toMatchObject(none);
          const commented = rig.ask(M.commentIssue, { number: BigInt(number), text: "u" }, caller);
          await expect(commented).rejects.toMatchObject(none);
          const metadata = { number: String(number) };
          const said = rig.send({ userId: "ann", messageType: "issue", message: "u", metadata }, caller);
          await expect(said).rejects.toMatchObject(none);
        }
      }
      return seen;
    };
    expect(await listed(BERLIN)).toEqual([1, 2, 4, 6]);
    expect(await listed(HAMBURG)).toEqual([1, 3, 6, 8]);
    expect(await listed({})).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("is not linked to what whoever does it does not see", async () => {
    await using rig = await tracked();
    const words = (field: string, name: string, what: string) => ({
      status: "INVALID_ARGUMENT",
      message: `${field} is "${name}"; wanted ${what} in the scope of berta (sites berlin)`,
    });
    const made = (request: object) => rig.ask(M.createIssue, { title: "x", ...request }, BERLIN);
    await expect(made({ links: { devices: ["fan"] } })).rejects.toMatchObject(
      words("links.devices", "fan", "a device"),
    );
    await expect(made({ links: { annotationIds: ["gone"] } })).rejects.toMatchObject(
      words("links.annotation_ids", "gone", "an annotation"),
    );
    await expect(made({ sessionId: "of-fan" })).rejects.toMatchObject(noSession("of-fan"));
    const linked = rig.ask(M.updateIssue, { number: 2n, addLinks: { sessionIds: ["of-fan"] } }, BERLIN);
    await expect(linked).rejects.toMatchObject(words("add_links.session_ids", "of-fan", "a session"));
    expect((await made({ sessionId: "new" })).issue).toMatchObject({
      createdBy: "berta",
      links: { sessionIds: ["new"] },
    });
  });

  test("that leaves or enters by an edit is told without what it was, or is, on the other side", async () => {
    await using rig = await tracked();
    const berta = watchIssues(rig, BERLIN);
    await settle();
    expect(berta.got.map(({ issue }) => Number(issue?.number ?? 0))).toEqual([6, 4, 2, 1, 0]);
    const update = (request: object) => rig.ask(M.updateIssue, { number: 2n, userId: "ann", ...request });
    await update({ addLinks: { devices: ["fan"] }, title: "secret", comment: "of the fan" });
    await update({ title: "also secret" });
    await update({ removeLinks: { devices: ["fan"] }, title: "in again" });
    await update({ title: "and on" });
    await settle();
    const told = berta.got.slice(5).map(({ issue, event, removed }) => ({
      title: issue!.title,
      devices: issue!.links!.devices,
      fields: event?.changes!.map(({ field }) => field),
      removed,
    }));
    expect(told).toEqual([
      { title: "t", devices: ["pump"], fields: undefined, removed: true },
      { title: "in again", devices: ["pump"], fields: undefined, removed: undefined },
      { title: "and on", devices: ["pump"], fields: ["title"], removed: false },
    ]);
    const { timeline } = await rig.ask(M.getIssue, { number: 2n }, BERLIN);
    const links = timeline.flatMap(({ changes }) => changes.filter(({ field }) => field === "link"));
    expect([links, timeline.length]).toEqual([[], 5]);
    berta.leave();
  });

  test("is watched until what is seen has changed", async () => {
    await using rig = await tracked();
    const [berta, all] = [watchIssues(rig, BERLIN), watchIssues(rig, seeing("ann"))];
    await settle();
    rig.surroundings.move("fan", "berlin");
    await rig.advance(1_000);
    expect([berta.ended.slice(0, 11), all.ended]).toEqual(["UNAVAILABLE", ""]);
    const anew = watchIssues(rig, BERLIN);
    await settle();
    expect(anew.got.filter(({ issue }) => issue).length).toBe(8);
    for (const watched of [all, anew]) watched.leave();
  });
});
