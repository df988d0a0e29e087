/** Sessions over a journal in memory and a store of its own, on a clock that stands still: what was heard is noted as it happens. */
import { create, fromJsonString, toJsonString, type MessageShape } from "@bufbuild/protobuf";
import type { Silence } from "../../../src/alerts/notify/silence.ts";
import { silenceEvent } from "../../../src/alerts/notice-events.ts";
import { replayedSilence } from "../../../src/alerts/replayed-silence.ts";
import { ImportedFiles } from "../../../src/collaboration/replay/imported-files.ts";
import { openReplay } from "../../../src/collaboration/replay/replay-methods.ts";
import { documentOfSession, newSession, SESSIONS, sessionOf } from "../../../src/collaboration/session-documents.ts";
import { eventOf, type Draft } from "../../../src/collaboration/session-message.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { runToEnd } from "../../../src/store/slice.ts";
import type { Annotation } from "../../../src/wire/gen/annotations_pb.ts";
import { ReplayEventSchema, type SessionTopic } from "../../../src/wire/gen/collaboration_pb.ts";
import type { Issue } from "../../../src/wire/gen/issues_pb.ts";
import { ExportFormat, ReplayAlertSchema, ReplayView } from "../../../src/wire/gen/replay_pb.ts";
import {
  ExportSessionRequestSchema,
  ImportSessionRequestSchema,
  ReplayRequestSchema,
} from "../../../src/wire/gen/replay_pb.ts";
import { ANONYMOUS, type CallContext, type MethodImpl, type Principal } from "../../../src/wire/service.ts";
import { msOfTimestamp, timestampOfUs } from "../../../src/wire/timestamp.ts";
import { openStore, recordOf, SHORTEST_SLICE, type Opened } from "../../store/harness.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { ToySurroundings, visibilityOf } from "../surroundings.ts";
import { tempDir } from "../../support/server-process.ts";

export const START_MS = Date.UTC(2026, 10, 10, 12);

export interface Sent {
  readonly metric: string;
  readonly device: string;
  readonly timeMs: number;
  readonly value: number;
}

/** One thing that was heard, as text that can be compared. */
export type Heard = string;

export class ReplayRig implements Disposable {
  readonly clock = new ManualClock(START_MS);
  readonly journal = new MemoryJournal();
  readonly surroundings = new ToySurroundings();
  readonly registry = this.surroundings.registry;
  readonly visibility = visibilityOf(this.clock, this.surroundings, { session: (id) => this.#session(id) });
  annotations: Annotation[] = [];
  issues: Issue[] = [];
  readonly #folder = tempDir("replay");
  #open: Opened = openStore({ dir: this.#folder.path, headPointsMax: 500 });
  #methods: Promise<MethodImpl[]> | null = null;
  #seq = 0;
  #numbers = new Map<string, number>();

  [Symbol.dispose](): void {
    this.#open[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }

  session(id: string, topic: Partial<SessionTopic> = {}): Promise<unknown> {
    const session = newSession(id, "ann", this.clock.nowMs());
    return this.journal.append([], [documentOfSession({ ...session, topic: { ...session.topic!, ...topic } })]);
  }

  /** As in a session that was made anew. */
  numberAgain(sessionId: string): void {
    this.#numbers.delete(sessionId);
  }

  /** Returns what members hear. */
  async say(sessionId: string, text: string, more: Partial<Draft> = {}): Promise<Heard> {
    const number = (this.#numbers.get(sessionId) ?? 0) + 1;
    this.#numbers.set(sessionId, number);
    const draft: Draft = { type: "chat", userId: "ann", userName: "Ann", text, metadata: {}, ...more };
    await this.journal.append([eventOf(draft, sessionId, number, this.clock.nowMs())]);
    return `message ${number} ${text}`;
  }

  /** A change of an alert; returns what subscribers hear. */
  async alert(id: string, change: number, device: string, incidentId = "", sinceMs?: number): Promise<Heard> {
    const context = { metric: "temperature", source: "site", device };
    const since = sinceMs === undefined ? {} : { since: timestampOfUs(sinceMs * 1_000) };
    const alert = {
      id,
      title: `alert ${id}`,
      severity: "high",
      change,
      incidentId,
      context,
      labels: { device },
      ...since,
    };
    const payload = toJsonString(ReplayAlertSchema, create(ReplayAlertSchema, { alert }));
    await this.journal.append([{ atMs: this.clock.nowMs(), kind: "alert", subject: id, actor: "", payload }]);
    return `alert ${id} ${change}`;
  }

  /** Is made or changed now, and lasts for so long. */
  async silence(id: string, device: string, lastsMs: number, comment = ""): Promise<void> {
    const nowMs = this.clock.nowMs();
    const silence: Silence = {
      ...{ id, author: "eve", comment, isForAll: false, startsAtMs: nowMs, endsAtMs: nowMs + lastsMs },
      matchers: [{ name: "device", operator: "=~", value: device }],
    };
    await this.journal.append([silenceEvent("put", silence, { actor: "eve", atMs: nowMs })]);
  }

  /** Arrives now; returns what subscribers of the points see. */
  send(points: readonly Sent[]): Heard[] {
    const rows = points.map(({ metric, device, timeMs, value }) => {
      const key = seriesKey(metric, "site", [["device", device]]);
      const id = this.registry.idOf(key) ?? (this.registry.add(key, "site") as number);
      return [id, timeMs * 1_000, value] as const;
    });
    this.#open.store.absorb(recordOf(++this.#seq, rows, { arrivalMs: this.clock.nowMs() }));
    return points.map(pointText);
  }

  seal(): void {
    this.#open.seal();
  }

  compact(): void {
    this.#open.compact();
  }

  async replay(sessionId: string, request: Partial<ReplayAsked> = {}, context = contextOf()): Promise<Replayed> {
    const events: MessageShape<typeof ReplayEventSchema>[] = [];
    for await (const event of await this.stream(sessionId, request, context)) events.push(event);
    return new Replayed(events);
  }

  async stream(
    sessionId: string,
    { fromMs, toMs, speed = 0, now = false, metrics = [] }: Partial<ReplayAsked>,
    context = contextOf(),
  ) {
    const request = create(ReplayRequestSchema, {
      sessionId,
      speed,
      metrics: [...metrics],
      view: now ? ReplayView.AS_KNOWN_NOW : ReplayView.AS_SEEN,
      ...(fromMs === undefined ? {} : { from: timestampOfUs(fromMs * 1_000) }),
      ...(toMs === undefined ? {} : { to: timestampOfUs(toMs * 1_000) }),
    });
    const run = await this.#method("ReplaySession");
    const events = run(request as never, context) as AsyncIterable<object>;
    return (async function* () {
      for await (const event of events) yield create(ReplayEventSchema, event);
    })();
  }

  async export(
    sessionId: string,
    format = ExportFormat.FILE,
    request: Partial<ReplayAsked> = {},
    context = contextOf(),
  ): Promise<Buffer> {
    const { fromMs, toMs, metrics = [] } = request;
    const run = await this.#method("ExportSession");
    const asked = create(ExportSessionRequestSchema, {
      sessionId,
      format,
      metrics: [...metrics],
      ...(fromMs === undefined ? {} : { from: timestampOfUs(fromMs * 1_000) }),
      ...(toMs === undefined ? {} : { to: timestampOfUs(toMs * 1_000) }),
    });
    const parts: Uint8Array[] = [];
    for await (const { data } of run(asked as never, context) as AsyncIterable<{ data: Uint8Array }>) parts.push(data);
    return Buffer.concat(parts);
  }

  async import(data: Uint8Array, sessionId = "", context = contextOf()): Promise<string> {
    const run = await this.#method("ImportSession");
    const request = create(ImportSessionRequestSchema, {
      data: data as Uint8Array<ArrayBuffer>,
      sessionId,
      userId: "bob",
    });
    const { session } = (await run(request as never, context)) as { session: { id: string } };
    return session.id;
  }

  /** As after a start of the server: what is in memory is gone. */
  restart(): void {
    this.#methods = null;
  }

  get files(): ImportedFiles {
    return new ImportedFiles(this.journal);
  }

  async #session(id: string) {
    const document = await this.journal.document(SESSIONS, id);
    return document === undefined ? undefined : sessionOf(document);
  }

  async #method(name: string): Promise<(request: never, context: CallContext) => unknown> {
    this.#methods ??= openReplay({
      journal: this.journal,
      registry: this.registry,
      clock: this.clock,
      visibility: this.visibility,
      scopes: this.surroundings.scopes,
      store: {
        range: async (query) => runToEnd(this.#open.store.range(query, SHORTEST_SLICE)),
        arrivals: async (query) => runToEnd(this.#open.store.reading.arrivals(query, SHORTEST_SLICE)),
        standing: async (query) => runToEnd(this.#open.store.reading.standing(query, SHORTEST_SLICE)),
      },
      pause: async () => {},
      annotationsOf: async () => this.annotations,
      issuesOf: async () => this.issues,
      replayedAlert: ({ payload }) => fromJsonString(ReplayAlertSchema, payload),
      replayedSilence: (entry) => replayedSilence(entry, () => () => true),
      sessionFor: async (id) => {
        const session = await this.#session(id);
        if (session !== undefined) return session;
        throw new WatchpostError("NOT_FOUND", `there is no session ${id}`);
      },
      sessionNow: (id) => this.#session(id),
      isTaken: async (id) => (await this.journal.document(SESSIONS, id)) !== undefined,
      whileAway: async (_id, run) => (await run(), true),
    });
    return (await this.#methods).find(({ method }) => method.name === name)!.run;
  }
}

export interface ReplayAsked {
  readonly fromMs: number;
  readonly toMs: number;
  readonly speed: number;
  readonly now: boolean;
  readonly metrics: readonly string[];
}

type Event = MessageShape<typeof ReplayEventSchema>;

export class Replayed {
  readonly events: readonly Event[];

  constructor(events: readonly Event[]) {
    this.events = events;
  }

  get marks() {
    return this.events.flatMap(({ event }) => (event.case === "mark" ? [event.value] : []));
  }

  /** Points that stood at the beginning, in any order. */
  get standing(): Heard[] {
    const [first] = this.events.filter(({ event }) => event.case !== "mark");
    return first?.event.case === "points" && isAt(first, this.events[0]) ? heardOf(first).sort() : [];
  }

  /** What was heard after the beginning, in order; points of one event in any. */
  get heard(): Heard[] {
    const [first, ...rest] = this.events.filter(({ event }) => event.case !== "mark");
    const isStanding = first?.event.case === "points" && isAt(first, this.events[0]);
    return (first === undefined || isStanding ? rest : [first, ...rest]).flatMap(heardOf);
  }

  get timesMs(): number[] {
    return this.events.map(({ at }) => msOfTimestamp(at!));
  }
}

export function pointText({ metric, device, timeMs, value }: Sent): Heard {
  return `point ${metric} ${device} ${timeMs} ${value}`;
}

function isAt(event: Event, other: Event): boolean {
  return msOfTimestamp(event.at!) === msOfTimestamp(other.at!);
}

function heardOf({ event }: Event): Heard[] {
  switch (event.case) {
    case "message":
      return [`message ${event.value.number} ${event.value.message}`];
    case "alert":
      return [`alert ${event.value.alert?.id} ${event.value.alert?.change}`];
    case "points":
      return event.value.series.flatMap(({ metric, device, timesMs, values }) =>
        timesMs.map((timeMs, i) => pointText({ metric, device, timeMs, value: values[i] })),
      );
    default:
      return [];
  }
}

export function contextOf(
  signal: AbortSignal = new AbortController().signal,
  principal: Principal = ANONYMOUS,
): CallContext {
  return { signal, principal, headers: new Map(), peer: "" };
}
