/** Whatever happens, those who see a part have what is left of the whole, in answers and in streams that are open. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import type { Scope } from "../../src/model/access.ts";
import { compileGlob } from "../../src/model/glob.ts";
import { parseSeriesKey, tagOf, deviceOf } from "../../src/model/series-key.ts";
import {
  WatchAnnotationsRequestSchema,
  type Annotation,
  type AnnotationEventSchema,
} from "../../src/wire/gen/annotations_pb.ts";
import { Collaboration, type Session } from "../../src/wire/gen/collaboration_pb.ts";
import { WatchIssuesRequestSchema, type Issue, type IssueUpdateSchema } from "../../src/wire/gen/issues_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { randomOf } from "../support/random.ts";
import { Rig, settle, START_MS, type Member } from "./rig.ts";
import type { Labels } from "../../src/collaboration/seen/visibility.ts";
import { seeing } from "./surroundings.ts";
import { Watched } from "./watched.ts";

const M = Collaboration.method;
const ALL = seeing("ann");
const RANGE = { from: timestampOfMs(0), to: timestampOfMs(START_MS + 1e9) };
const [DEVICES, SOURCES, SITES, METRICS] = [
  ["a", "b", "c"],
  ["gw-1", "gw-2"],
  ["x", "y"],
  ["m1", "m2"],
];
const SESSIONS = ["lobby", "s1", "s2", "s3"];

type Viewer = ReturnType<typeof seeing>;

/** One who watches, and begins anew when told to. */
class Follower<T> {
  readonly items = new Map<string, T>();
  #stream: Watched<unknown>;
  #read = 0;
  #cursor = "";
  readonly #watch: (cursor: string) => Watched<unknown>;
  readonly #take: (event: unknown, items: Map<string, T>) => void;

  constructor(watch: (cursor: string) => Watched<unknown>, take: (event: unknown, items: Map<string, T>) => void) {
    [this.#watch, this.#take] = [watch, take];
    this.#stream = watch("");
  }

  async catchUp(): Promise<void> {
    for (this.#hear(); this.#stream.ended !== ""; this.#hear()) {
      expect(this.#stream.ended).toMatch(/^UNAVAILABLE: what you see has changed|^OUT_OF_RANGE: cursor cannot be gone/);
      const isOver = this.#stream.ended.startsWith("OUT_OF_RANGE");
      if (isOver) this.items.clear();
      this.#begin(isOver ? "" : this.#cursor);
      await settle();
    }
  }

  /** As after a lost connection. */
  async reconnect(): Promise<void> {
    this.#hear();
    if (this.#stream.ended !== "") return;
    this.#stream.leave();
    this.#begin(this.#cursor);
    await settle();
  }

  #begin(cursor: string): void {
    [this.#stream, this.#read, this.#cursor] = [this.#watch(cursor), 0, ""];
    if (cursor !== "") this.#cursor = cursor;
  }

  #hear(): void {
    for (; this.#read < this.#stream.got.length; this.#read++) {
      const event = this.#stream.got[this.#read];
      this.#take(event, this.items);
      this.#cursor = (event as { cursor?: string }).cursor || this.#cursor;
    }
  }

  leave(): void {
    this.#stream.leave();
  }
}

/** What follows from places alone. */
class Reference {
  readonly #rig: Rig;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly annotations: ReadonlyMap<string, Annotation>;

  constructor(rig: Rig, sessions: readonly Session[], annotations: readonly Annotation[]) {
    this.#rig = rig;
    this.sessions = new Map(sessions.map((session) => [session.id, session]));
    this.annotations = new Map(annotations.map((annotation) => [annotation.id, annotation]));
  }

  session(scope: Scope, { topic }: Pick<Session, "topic">): boolean {
    const { incidents } = this.#rig.surroundings;
    return (
      topic!.devices.every((device) => this.#device(scope, device)) &&
      topic!.alertIds.every((id) => this.#alert(scope, id)) &&
      topic!.metrics.every((metric) => this.#series(scope, { metric })) &&
      topic!.incidentIds.every((id) => {
        const active = incidents.get(id) ?? [];
        return active.length === 0 ? topic!.alertIds.length > 0 : active.every((alert) => this.#alert(scope, alert));
      })
    );
  }

  annotation(scope: Scope, { pin, madeIn }: Annotation): boolean {
    const { metric, source, device, tags, alertId, sessionId } = pin!;
    const isOfSeries = metric !== "" || source !== "" || Object.keys(tags).length > 0;
    return (
      (!isOfSeries || this.#series(scope, { metric, source, device, tags })) &&
      (isOfSeries || device === "" || this.#device(scope, device)) &&
      (alertId === "" || this.#alert(scope, alertId)) &&
      [sessionId, madeIn].every((id) => id === "" || this.#hasSession(scope, id))
    );
  }

  issue(scope: Scope, { links }: Issue): boolean {
    const seesAnnotation = (id: string) =>
      this.annotations.has(id) && this.annotation(scope, this.annotations.get(id)!);
    return (
      links!.devices.every((device) => this.#device(scope, device)) &&
      links!.alertIds.every((id) => this.#alert(scope, id)) &&
      links!.sessionIds.every((id) => this.#hasSession(scope, id)) &&
      links!.annotationIds.every(seesAnnotation)
    );
  }

  #hasSession(scope: Scope, id: string): boolean {
    return this.sessions.has(id) && this.session(scope, this.sessions.get(id)!);
  }

  #site(device: string, said = ""): string {
    return this.#rig.surroundings.sites.get(device) || said;
  }

  #places() {
    const { surroundings } = this.#rig;
    return surroundings.ids().map((id) => {
      const identity = parseSeriesKey(surroundings.registry.keyOf(id));
      const device = deviceOf(identity);
      const { metric, source } = identity;
      return { metric, identity, place: { source, device, site: this.#site(device, tagOf(identity, "site")) } };
    });
  }

  #device(scope: Scope, device: string): boolean {
    return this.#places().some(({ place }) => place.device === device && scope.takes(place));
  }

  #series(scope: Scope, wanted: { metric: string; source?: string; device?: string; tags?: Labels }): boolean {
    return this.#places().some(
      ({ metric, identity, place }) =>
        (wanted.metric === "" || compileGlob(wanted.metric)(metric)) &&
        (!wanted.source || place.source === wanted.source) &&
        (!wanted.device || place.device === wanted.device) &&
        Object.entries(wanted.tags ?? {}).every(([tag, value]) => tagOf(identity, tag) === value) &&
        scope.takes(place),
    );
  }

  #alert(scope: Scope, id: string): boolean {
    const labels = this.#rig.surroundings.alerts.get(id);
    if (labels === undefined || Object.keys(labels).length === 0) return false;
    const { source = "", device = "" } = labels;
    if (scope.takes({ source, device, site: this.#site(device) })) return true;
    return source === "" && this.#device(scope, device);
  }
}

for (let seed = 1; seed <= 10; seed++) {
  test(`answers and streams are of what is in scope (seed ${seed})`, async () => {
    const random = randomOf(seed);
    const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
    const some = (of: readonly string[], chance: number) => of.filter(() => random() < chance);
    await using rig = await Rig.open({ messagesPerSecond: 1_000 });
    const { surroundings } = rig;
    for (const device of DEVICES)
      for (const metric of METRICS) {
        if (random() < 0.8)
          surroundings.series(metric, any(SOURCES), { device, ...(random() < 0.3 && { site: any(SITES) }) });
      }
    for (const device of DEVICES) {
      surroundings.series("m", any(SOURCES), { device });
      surroundings.alerts.set(`of-${device}`, { device, ...(random() < 0.5 && { source: any(SOURCES) }) });
      if (random() < 0.5) surroundings.longOver.add(`of-${device}`);
    }
    surroundings.alerts.set("of-server", {});
    const alerts = [...surroundings.alerts.keys(), "gone"];
    const topic = () => ({
      devices: some(DEVICES, 0.2),
      alertIds: some(alerts, 0.1),
      incidentIds: some(["i1", "i2"], 0.15),
      metrics: some([...METRICS, "m*", "none"], 0.1),
    });
    const viewers: Viewer[] = [
      ...SITES.map((site) => seeing(`of-${site}`, { sites: [site] })),
      seeing("of-gw-1", { sources: ["gw-1"] }),
      seeing("of-a", { devices: ["a", "b"], sites: ["x"] }),
    ];
    const followers = viewers.map((viewer) => ({
      viewer,
      annotations: new Follower<bigint>(
        (cursor) =>
          new Watched(rig, "watchAnnotations", create(WatchAnnotationsRequestSchema, { ...RANGE, cursor }), viewer),
        (event, items) => {
          const { annotation, removed } = event as MessageInitShape<typeof AnnotationEventSchema>;
          if (annotation === undefined) return;
          if (removed || annotation.removed) items.delete(annotation.id!);
          else items.set(annotation.id!, annotation.revision!);
        },
      ),
      issues: new Follower<bigint>(
        (cursor) => new Watched(rig, "watchIssues", create(WatchIssuesRequestSchema, { cursor }), viewer),
        (event, items) => {
          const { issue, removed } = event as MessageInitShape<typeof IssueUpdateSchema>;
          if (issue === undefined) return;
          if (removed) items.delete(String(issue.number));
          else items.set(String(issue.number), issue.revision!);
        },
      ),
    }));
    const members: { readonly viewer: Viewer; readonly id: string; readonly member: Member }[] = [];

    const steps: (() => Promise<unknown>)[] = [
      async () => surroundings.move(any(DEVICES), any(["", ...SITES])),
      async () => surroundings.correlate(any(["i1", "i2"]), some([...surroundings.alerts.keys()], 0.3)),
      () => rig.ask(M.createSession, { sessionId: any(SESSIONS), topic: topic() }, ALL),
      () => rig.ask(M.updateSession, { sessionId: any(SESSIONS), topic: topic() }, ALL),
      () => rig.ask(M.updateSession, { sessionId: any(SESSIONS), topic: topic() }, any(viewers)),
      () => {
        const pin = {
          ...(random() < 0.4 && { metric: any(METRICS) }),
          ...(random() < 0.3 && { source: any(SOURCES) }),
          ...(random() < 0.4 && { device: any(DEVICES) }),
          ...(random() < 0.2 && { alertId: any(alerts) }),
          ...(random() < 0.2 && { sessionId: any(SESSIONS) }),
          ...(random() < 0.1 && { tags: { site: any(SITES) } }),
        };
        const sessionId = random() < 0.3 ? any(SESSIONS) : "";
        return rig.ask(M.createAnnotation, { text: "x", pin, sessionId }, any([ALL, ALL, ...viewers]));
      },
      async () => {
        const { annotations } = await rig.ask(M.listAnnotations, {}, ALL);
        if (annotations.length > 0)
          await rig.ask(M.editAnnotation, { id: any(annotations).id, text: `${random()}` }, any([ALL, ...viewers]));
      },
      async () => {
        const { annotations } = await rig.ask(M.listAnnotations, {}, ALL);
        const annotationIds = annotations.length > 0 && random() < 0.3 ? [any(annotations).id] : [];
        const links = {
          devices: some(DEVICES, 0.2),
          alertIds: some(alerts, 0.1),
          sessionIds: some(SESSIONS, 0.1),
          annotationIds,
        };
        const isNew = random() < 0.6;
        const asked = any([ALL, ALL, ...viewers]);
        if (isNew)
          return rig.ask(M.createIssue, { title: "t", links, sessionId: random() < 0.2 ? any(SESSIONS) : "" }, asked);
        const number = BigInt(1 + Math.floor(random() * 8));
        const removeLinks = { devices: some(DEVICES, 0.5), alertIds: some(alerts, 0.5) };
        return rig.ask(M.updateIssue, { number, title: `${random()}`, addLinks: links, removeLinks }, asked);
      },
      async () => {
        const [viewer, id] = [any(viewers), any(SESSIONS)];
        members.push({ viewer, id, member: await rig.join("x", { sessionId: id }, viewer) });
      },
    ];
    let [hidden, shown, cut] = [0, 0, 0];
    for (let step = 0; step < 60; step++) {
      await any(steps)().catch((error: unknown) => {
        expect(["NOT_FOUND", "INVALID_ARGUMENT", "ALREADY_EXISTS"]).toContain((error as { status: string }).status);
      });
      await rig.advance(1_000);
      const sessions = (await rig.ask(M.listSessions, {}, ALL)).sessions;
      const annotations = (await rig.ask(M.listAnnotations, {}, ALL)).annotations;
      const issues = (await rig.ask(M.listIssues, {}, ALL)).issues;
      const reference = new Reference(rig, sessions, annotations);
      for (const { viewer, ...following } of followers) {
        const { scope } = viewer.principal;
        const wanted = {
          sessions: sessions.filter((session) => reference.session(scope, session)),
          annotations: annotations.filter((annotation) => reference.annotation(scope, annotation)),
          issues: issues.filter((issue) => reference.issue(scope, issue)),
        };
        expect((await rig.ask(M.listSessions, {}, viewer)).sessions).toEqual(wanted.sessions);
        expect((await rig.ask(M.listAnnotations, {}, viewer)).annotations).toEqual(wanted.annotations);
        expect((await rig.ask(M.listIssues, {}, viewer)).issues).toEqual(wanted.issues);
        if (random() < 0.2) await following.annotations.reconnect();
        if (random() < 0.2) await following.issues.reconnect();
        await following.annotations.catchUp();
        await following.issues.catchUp();
        const revisions = (all: readonly (readonly [string, bigint])[]) =>
          [...all].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(revisions([...following.annotations.items])).toEqual(
          revisions(wanted.annotations.map(({ id, revision }) => [id, revision])),
        );
        expect(revisions([...following.issues.items])).toEqual(
          revisions(wanted.issues.map(({ number, revision }) => [String(number), revision])),
        );
        const count = ({ length }: readonly unknown[], of: readonly unknown[]) => {
          shown += length;
          hidden += of.length - length;
        };
        count(wanted.sessions, sessions);
        count(wanted.annotations, annotations);
        count(wanted.issues, issues);
      }
      for (const { viewer, id, member } of members.splice(0)) {
        const session = reference.sessions.get(id);
        if (session !== undefined && reference.session(viewer.principal.scope, session)) {
          expect(member.ended).toBeUndefined();
          members.push({ viewer, id, member });
        } else {
          expect(member.ended).toMatchObject({ status: "NOT_FOUND", message: `there is no session "${id}"` });
          cut++;
        }
      }
    }
    for (const { annotations, issues } of followers) {
      annotations.leave();
      issues.leave();
    }
    expect(Math.min(hidden, shown, cut)).toBeGreaterThan(0);
  });
}
