/** The recording of a session of this server: its messages and alerts out of the journal, its points out of the store. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import type { JournalEntry } from "../../model/journal.ts";
import { compileMatcher } from "../../model/matcher.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { CollaborationMessage, Session } from "../../wire/gen/collaboration_pb.ts";
import type { Issue } from "../../wire/gen/issues_pb.ts";
import { ReplayAlertSchema, type ReplayAlert } from "../../wire/gen/replay_pb.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { SESSION_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { messageOfEntry, wireOf, type SessionMessage } from "../session-message.ts";
import { About, unreadable } from "./about.ts";
import type { ArrivedPoints, ShownPoints } from "./points.ts";
import type { Heard, Recording, Standing, TimeRange, View } from "./recording.ts";
import { seriesOf, SERIES_MAX, type SessionSeries } from "./session-series.ts";
import { StoredPoints, type PointStore } from "./stored-points.ts";

const ALERT_EVENT = "alert";
const ENTRIES_AT_ONCE = 500;
/** Of the journal's times, which a wall clock gave: entries within so much of each other may stand in any order. */
const DISORDER_MS = 3_600_000;
/** Metrics that a request may add. */
const METRICS_MAX = 100;

export interface RecordingDeps {
  readonly journal: CollaborationJournal;
  readonly store: PointStore;
  readonly registry: SeriesRegistry;
  /** Lets others have their turn. */
  pause(): Promise<void>;
  annotationsOf(sessionId: string): Promise<readonly Annotation[]>;
  issuesOf(sessionId: string): Promise<readonly Issue[]>;
  /** What an entry of kind "alert" tells. Throws for one that cannot be read. */
  replayedAlert(entry: JournalEntry): MessageInitShape<typeof ReplayAlertSchema>;
}

/** What of a session is wanted. */
export interface Wanted {
  /** Left out: the first message. */
  readonly fromUs?: number;
  /** Left out: up to the last message. */
  readonly toUs?: number;
  /** Names or globs beside what it was about; "-" alone: no points. */
  readonly metrics: readonly string[];
  /** What is later has not happened. */
  readonly nowMs: number;
}

/** Throws INVALID_ARGUMENT where the range is empty or a metric is none. Points are read until `signal` aborts. */
export async function openStoredRecording(
  session: Session,
  wanted: Wanted,
  deps: RecordingDeps,
  signal: AbortSignal,
): Promise<Recording> {
  const { journal } = deps;
  const missing = new Set<string>();
  const extra = metricsIn(wanted.metrics);
  const about = new About(session);
  const [annotations, issues] = await Promise.all([deps.annotationsOf(session.id), deps.issuesOf(session.id)]);
  annotations.forEach((annotation) => about.addAnnotation(annotation));
  issues.forEach((issue) => about.addIssue(issue));
  let [first, last]: (SessionMessage | undefined)[] = [];
  for await (const { what } of messagesIn(journal, session.id, EVERYTHING, missing)) {
    signal.throwIfAborted();
    about.addMessage(what);
    first ??= what;
    last = what;
  }
  if (first !== undefined && first.number > 1)
    missing.add(`messages before number ${first.number} are not kept any more`);

  const range = rangeOf(wanted, boundsOf(session, first, last));
  const alerts = (within: TimeRange) => alertsIn(about, within, deps, missing);
  for await (const { what } of alerts(range)) if (what.alert !== undefined) about.addAlert(what.alert);
  const selectors = extra === null ? [] : [...about.series(), ...extra.map((metric) => ({ metric }))];
  const series = await seriesOf(selectors, deps.registry, deps.pause);
  if (series.isCut) missing.add(`it was about more than ${SERIES_MAX} series: the points of others are left out`);
  return new StoredRecording(session, range, series, alerts, missing, { annotations, issues }, deps, signal);
}

class StoredRecording implements Recording {
  readonly session: Session;
  readonly range: TimeRange;
  readonly seriesKeys: readonly string[];
  readonly missing: Set<string>;
  readonly alerts: (range: TimeRange) => AsyncIterable<Heard<ReplayAlert>>;
  readonly #made: { readonly annotations: readonly Annotation[]; readonly issues: readonly Issue[] };
  readonly #journal: CollaborationJournal;
  readonly #points: StoredPoints;

  constructor(
    session: Session,
    range: TimeRange,
    series: SessionSeries,
    alerts: (range: TimeRange) => AsyncIterable<Heard<ReplayAlert>>,
    missing: Set<string>,
    made: { readonly annotations: readonly Annotation[]; readonly issues: readonly Issue[] },
    { journal, store }: RecordingDeps,
    signal: AbortSignal,
  ) {
    this.session = session;
    this.range = range;
    this.seriesKeys = series.keys;
    this.alerts = alerts;
    this.missing = missing;
    this.#made = made;
    this.#journal = journal;
    const onDamage = () => missing.add("some of the points are damaged: watchpost verify names them");
    this.#points = new StoredPoints(store, series.ids, signal, onDamage);
  }

  async *messages(range: TimeRange): AsyncGenerator<Heard<CollaborationMessage>> {
    for await (const { atMs, what } of messagesIn(this.#journal, this.session.id, range, this.missing)) {
      yield { atMs, what: wireOf(what, "") };
    }
  }

  points(view: View, range: TimeRange): AsyncIterable<ShownPoints> {
    return this.#points.shown(view, range);
  }

  standing(view: View, range: TimeRange): Promise<Standing> {
    return this.#points.standing(view, range);
  }

  writes(range: TimeRange): AsyncIterable<ArrivedPoints> {
    return this.#points.writes(range);
  }

  async annotations(): Promise<readonly Annotation[]> {
    return this.#made.annotations;
  }

  async issues(): Promise<readonly Issue[]> {
    return this.#made.issues;
  }
}

const EVERYTHING: TimeRange = { fromUs: 0, toUs: Infinity };

/** In the order of the journal, at the latest time so far: the clock may have been set back. */
async function* messagesIn(
  journal: CollaborationJournal,
  sessionId: string,
  { fromUs, toUs }: TimeRange,
  missing: Set<string>,
): AsyncGenerator<Heard<SessionMessage>> {
  let heardMs = -Infinity;
  for await (const entry of entriesOf(journal, { subject: sessionId, kind: SESSION_EVENT }, 0)) {
    heardMs = Math.max(heardMs, entry.atMs);
    if (heardMs * 1_000 < fromUs) continue;
    if (heardMs * 1_000 >= toUs) return;
    try {
      yield { atMs: heardMs, what: messageOfEntry(entry) };
    } catch {
      missing.add(unreadable(entry));
    }
  }
}

/** Those of the alerts that a session was about. */
async function* alertsIn(
  about: About,
  { fromUs, toUs }: TimeRange,
  { journal, replayedAlert }: RecordingDeps,
  missing: Set<string>,
): AsyncGenerator<Heard<ReplayAlert>> {
  if (!about.mayHaveAlerts) return;
  const [fromMs, toMs] = [fromUs / 1_000, toUs / 1_000];
  let heardMs = -Infinity;
  const after = await positionBefore(journal, fromMs - DISORDER_MS);
  if (after + 1 === journal.firstPosition && after > 0) missing.add("alerts of its beginning may not be kept any more");
  for await (const entry of entriesOf(journal, { kind: ALERT_EVENT }, after)) {
    if (entry.atMs >= toMs + DISORDER_MS) return;
    if (entry.atMs < fromMs || entry.atMs >= toMs) continue;
    let alert: ReplayAlert;
    try {
      alert = create(ReplayAlertSchema, replayedAlert(entry));
    } catch {
      missing.add(unreadable(entry));
      continue;
    }
    if (alert.alert === undefined || !about.hasAlert(alert.alert)) continue;
    heardMs = Math.max(heardMs, entry.atMs);
    yield { atMs: heardMs, what: alert };
  }
}

async function* entriesOf(
  journal: CollaborationJournal,
  which: { readonly subject?: string; readonly kind: string },
  after: number,
): AsyncGenerator<JournalEntry> {
  for (let behind = after; ;) {
    const entries = await journal.read({ ...which, after: behind, limit: ENTRIES_AT_ONCE });
    yield* entries;
    if (entries.length < ENTRIES_AT_ONCE) return;
    behind = entries.at(-1)!.position;
  }
}

/** Behind it stands everything since a time. */
async function positionBefore(journal: CollaborationJournal, timeMs: number): Promise<number> {
  let [low, high] = [journal.firstPosition - 1, journal.lastPosition];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = await journal.read({ after: middle, limit: 1 });
    if (entry === undefined || entry.atMs >= timeMs) high = middle;
    else low = entry.position;
  }
  return low;
}

function boundsOf(session: Session, first?: SessionMessage, last?: SessionMessage): TimeRange {
  const createdMs = session.createdAt === undefined ? 0 : msOfTimestamp(session.createdAt);
  const [fromMs, lastMs] = [first?.atMs ?? createdMs, last?.atMs ?? createdMs];
  return { fromUs: fromMs * 1_000, toUs: Math.max(fromMs, lastMs) * 1_000 + 1_000 };
}

/** The range that is asked for, by default `bounds`. Throws INVALID_ARGUMENT where nothing is in it. */
export function rangeOf({ fromUs, toUs, nowMs }: Omit<Wanted, "metrics">, bounds: TimeRange): TimeRange {
  const from = fromUs ?? Math.min(bounds.fromUs, (toUs ?? Infinity) - 1);
  const to = Math.min(toUs ?? Math.max(bounds.toUs, from + 1), Math.max(bounds.toUs, nowMs * 1_000 + 1_000));
  if (from >= 0 && from < to) return { fromUs: from, toUs: to };
  const wanted = `a time since 1970 and before to, which is ${isoOf(to)}`;
  throw invalidField("from", isoOf(from), wanted);
}

function isoOf(timeUs: number): string {
  const date = new Date(timeUs / 1_000);
  return Number.isNaN(date.getTime()) ? `${timeUs} µs` : date.toISOString();
}

/** Null: no points at all. Throws INVALID_ARGUMENT for what is no name or glob. */
function metricsIn(metrics: readonly string[]): readonly string[] | null {
  if (metrics.length > METRICS_MAX)
    throw invalidField("metrics", `${metrics.length} metrics`, `at most ${METRICS_MAX}`);
  if (metrics.length === 1 && metrics[0] === "-") return null;
  if (metrics.length > 0) compileMatcher(metrics, {}, "metrics");
  return metrics;
}
