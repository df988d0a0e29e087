/** Collaboration as the server has it: sessions that go on where they were, and the service. */
import type { ForgetSlice } from "../log/journal-retention.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { BurstGarbage } from "../model/burst-garbage.ts";
import type { Clock } from "../model/clock.ts";
import { SetAside } from "../model/set-aside.ts";
import { commandsOf, type Commands } from "../wire/call-method.ts";
import { Collaboration, type Session } from "../wire/gen/collaboration_pb.ts";
import {
  THE_SERVER,
  allRawBidiStreaming,
  rawServerStreaming,
  unary,
  type CallContext,
  type MethodImpl,
} from "../wire/service.ts";
import { Arrivals } from "./arrivals.ts";
import { AnnotationFeed } from "./annotations/annotation-feed.ts";
import { annotationMethods } from "./annotations/annotation-methods.ts";
import { Annotations } from "./annotations/annotations.ts";
import { carryOutActions } from "./actions.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import { Issues } from "./issues/issues.ts";
import { issueMethods } from "./issues/service.ts";
import type { Openings } from "./opening/alert-opening.ts";
import { incidentSessions } from "./opening/incident-sessions.ts";
import { openWhenAsked } from "./opening/opening-when-asked.ts";
import { madeInSession, type MadeInSession } from "./made-in-session.ts";
import { joinSession, leaveSession, sendMessage, watchSession, type JoinDeps } from "./join-session.ts";
import { forgetSessions } from "./forget-sessions.ts";
import { KeptMessages } from "./kept-messages.ts";
import { memberLimit, RateLimits } from "./rate-limit.ts";
import type { CarryOut } from "./received-message.ts";
import { Rooms } from "./rooms.ts";
import { Visibility, type Made, type Surroundings } from "./seen/visibility.ts";
import { SentMessages } from "./sent-once.ts";
import { sessionMethods, visibleSession } from "./session-methods.ts";

export interface CollaborationDeps {
  readonly journal: CollaborationJournal;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "sessionRefused" | "sessionBehind">;
  readonly options: CollaborationOptions;
  readonly garbage: Pick<BurstGarbage, "note">;
  /** Of alerts. */
  readonly commands: Commands;
  readonly openings: Openings;
  newId(): string;
  readonly surroundings: Surroundings;
  /** Lets others have their turn. */
  pause(): Promise<void>;
  onTrouble(sentence: string): void;
}

export interface CollaborationOptions {
  /** Streams in all sessions. */
  readonly streamsMax: number;
  /** Of one member, for a while; five seconds of it at once. */
  readonly messagesPerSecond: number;
}

export interface OpenCollaboration {
  readonly methods: MethodImpl[];
  readonly rooms: Rooms;
  readonly made: MadeInSession;
  readonly visibility: Visibility;
  /** Throws NOT_FOUND where there is none that whoever calls may see. */
  sessionFor(sessionId: string, context: CallContext): Promise<Session>;
  /** Of sessions that nothing was said in for long. */
  readonly forgetOld: ForgetSlice;
  /** Streams that end from now on are those that the server ends: their members come back. */
  stop(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Between the end of a call's messages and its cancellation; two frames that are sent together. */
const CANCELLED_WITHIN_MS = 20;

/** In the snapshot of a session. */
const OPEN_ISSUES_MAX = 100;
/** Of one who joins, as {@link BurstGarbage} counts: some twenty kilobytes. */
const GARBAGE_OF_JOINING = 20;

export async function openCollaboration(deps: CollaborationDeps): Promise<OpenCollaboration> {
  const { journal, clock, metrics, options, commands, newId, surroundings, onTrouble } = deps;
  const { messagesPerSecond } = options;
  const limits = new RateLimits(() => memberLimit(messagesPerSecond, clock.monotonicMs()));
  const kept = new KeptMessages(journal, onTrouble);
  const rooms = await Rooms.open({
    journal,
    kept,
    clock,
    limits,
    newStreamId: newId,
    onTrouble,
    onJoined: () => deps.garbage.note(GARBAGE_OF_JOINING),
    onBehind: () => metrics.sessionBehind.inc(),
    onTopic: () => visibility.changed("topics"),
  });
  const made: Made = { session: (id) => rooms.find(id), annotation: (id) => annotations.find(id) };
  const visibility = new Visibility({ surroundings, made, clock, run: newId(), pause: () => deps.pause() });
  visibility.follow(() => rooms.cutUnseen());
  const setAside = new SetAside(onTrouble);
  const annotations = new Annotations({ journal, sessions: rooms, visibility, clock, setAside, newId });
  const annotationFeed = new AnnotationFeed(journal, setAside);
  const viewer = ({ principal }: CallContext) => visibility.viewer(principal);
  const annotate: CarryOut = (draft, sessionId, context, post) =>
    annotations.annotateFromChat(draft, sessionId, viewer(context), post);
  const nowMs = () => clock.nowMs();
  const issues = await Issues.open({ journal, sessions: rooms, visibility, setAside, nowMs, onTrouble });
  const track: CarryOut = (draft, sessionId, context, post) => issues.fromChat(sessionId, draft, viewer(context), post);
  const joining: JoinDeps = {
    rooms,
    journal,
    kept,
    sent: new SentMessages(journal, kept),
    carriers: {
      action: carryOutActions({ commands, nowMs }),
      annotation: annotate,
      issue: track,
    },
    arrivals: new Arrivals(clock, options.streamsMax, () => rooms.streams),
    messagesPerSecond,
    limits,
    openIssues: async (sessionId) => issues.openIssues.ofSession(sessionId, OPEN_ISSUES_MAX),
    visibility,
    monotonicMs: () => clock.monotonicMs(),
    cancelled: (signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        signal.addEventListener("abort", () => resolve());
        clock.after(CANCELLED_WITHIN_MS, resolve);
      }),
    onTrouble,
    onRefused: (status) => metrics.sessionRefused.inc({ status }),
  };
  const { joinSession: join, watchSession: watch, sendMessage: send, leaveSession: leave } = Collaboration.method;
  const methods = [
    allRawBidiStreaming(join, (messages, context) => joinSession(messages, context, joining)),
    rawServerStreaming(watch, (request, context) => watchSession(request, context, joining)),
    unary(send, (message, context) => sendMessage(message, context, joining)),
    unary(leave, async (request, context) => leaveSession(request, context, joining)),
    ...annotationMethods({ annotations, journal, feed: annotationFeed, setAside, visibility }),
    ...issueMethods({ issues, journal, setAside, visibility }),
    ...sessionMethods({ rooms, journal, kept, newSessionId: newId, visibility, nowMs, onTrouble }),
  ];
  const opening = await openWhenAsked({
    journal,
    clock,
    sessions: incidentSessions(rooms),
    commands: commandsOf(methods),
    context: { signal: new AbortController().signal, principal: THE_SERVER, headers: new Map(), peer: "" },
    openings: deps.openings,
    onTrouble,
  });
  const close = async () => {
    try {
      await opening.close();
      await rooms.close();
    } finally {
      annotationFeed[Symbol.dispose]();
      issues.close();
      visibility[Symbol.dispose]();
    }
  };
  let closing: Promise<void> | undefined;
  return {
    methods,
    rooms,
    made: madeInSession(journal, setAside),
    visibility,
    sessionFor: (id, context) => visibleSession(id, context, { rooms, visibility }),
    forgetOld: forgetSessions(rooms, journal),
    stop: () => rooms.stop(),
    close: () => (closing ??= close()),
  };
}
