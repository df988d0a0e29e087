/** The recording of a session of this server: its messages and alerts out of the journal, its points out of the store. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../model/errors.ts";
import type { JournalEntry } from "../../model/journal.ts";
import { compileMatcher } from "../../model/matcher.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { Silence } from "../../wire/gen/alerts_pb.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { CollaborationMessage, Session } from "../../wire/gen/collaboration_pb.ts";
import type { Issue } from "../../wire/gen/issues_pb.ts";
import { ReplayAlertSchema, type ReplayAlert } from "../../wire/gen/replay_pb.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { ALERT_EVENT } from "../collaboration-journal.ts";
import { createdAtMs } from "../session-documents.ts";
import { wireOf } from "../session-message.ts";
import { namesOfAnnotation, namesOfIssue } from "../seen/named.ts";
import { About, unreadable } from "./about.ts";
import { entriesOf, positionBefore } from "./journal-pages.ts";
import type { ArrivedPoints, ShownPoints } from "./points.ts";
import type { Heard, Recording, Standing, TimeRange, View } from "./recording.ts";
import { silencesOf, type SilenceDeps } from "./session-silences.ts";
import type { SessionDigest, SessionDigests } from "./session-digest.ts";
import { seriesOf, SERIES_MAX, type SessionSeries } from "./session-series.ts";
import { seenOf, type Sight } from "./sight.ts";
import { type Lacking, StoredPoints, type PointStore } from "./stored-points.ts";

/** Of the journal's times, which a wall clock gave: entries within so much of each other may stand in any order. */
const DISORDER_MS = 3_600_000;
/** Alerts of a topic whose rise is looked for. */
const RISING_MAX = 100;
const [BEFORE_RISE_MS, RISE_WITHIN_MS] = [60_000, 86_400_000];
/** Metrics that a request may add. */
const METRICS_MAX = 100;

export interface RecordingDeps extends SilenceDeps {
  readonly digests: SessionDigests;
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
  /** Left out: the first message, or shortly before an alert of the topic rose that it is about. */
  readonly fromUs?: number;
  /** Left out: up to the last message. */
  readonly toUs?: number;
  /** Names or globs beside what it was about; "-" alone: no points. */
  readonly metrics: readonly string[];
  /** What is later has not happened. */
  readonly nowMs: number;
}

/** As `sight` has it. Throws INVALID_ARGUMENT where the range is empty or a metric is none. Points are read until `signal` aborts. */
export async function openStoredRecording(
  session: Session,
  wanted: Wanted,
  deps: RecordingDeps,
  sight: Sight,
  signal: AbortSignal,
): Promise<Recording> {
  const { digests } = deps;
  const missing = new Set<string>();
  const extra = metricsIn(wanted.metrics);
  const about = new About(session);
  const [digest, annotations, issues] = await Promise.all([
    digests.of(session, signal),
    deps.annotationsOf(session.id).then((all) => seenOf(all, namesOfAnnotation, sight.seesName)),
    deps.issuesOf(session.id).then((all) => seenOf(all, namesOfIssue, sight.seesName)),
  ]);
  annotations.forEach((annotation) => about.addAnnotation(annotation));
  issues.forEach((issue) => about.addIssue(issue));
  about.addAll(digest.about);
  digest.unreadable.forEach((sentence) => missing.add(sentence));
  const { first } = digest;
  if (first !== undefined && first.number > 1)
    missing.add(`messages before number ${first.number} are not kept any more`);

  const bounds = boundsOf(session, digest);
  const fromUs = wanted.fromUs ?? (await riseUs(session, bounds.fromUs, deps));
  signal.throwIfAborted();
  const range = rangeOf(wanted, { ...bounds, fromUs });
  const alerts = (within: TimeRange) => alertsIn(about, within, deps, sight, missing, signal);
  for await (const { what } of alerts(range)) if (what.alert !== undefined) about.addAlert(what.alert);
  const selectors = extra === null ? [] : [...about.series(), ...extra.map((metric) => ({ metric }))];
  const series = await seriesOf(selectors, deps.registry, sight.seesSeries, deps.pause);
  if (series.isCut) missing.add(`it was about more than ${SERIES_MAX} series: the points of others are left out`);
  const made = { annotations, issues };
  return new StoredRecording(session, range, digest, series, alerts, missing, made, deps, signal);
}

class StoredRecording implements Recording {
  readonly session: Session;
  readonly range: TimeRange;
  readonly seriesKeys: readonly string[];
  readonly missing: Set<string>;
  readonly alerts: (range: TimeRange) => AsyncIterable<Heard<ReplayAlert>>;
  readonly #made: { readonly annotations: readonly Annotation[]; readonly issues: readonly Issue[] };
  readonly #digest: SessionDigest;
  readonly #deps: SilenceDeps;
  readonly #signal: AbortSignal;
  readonly #points: StoredPoints;

  constructor(
    session: Session,
    range: TimeRange,
    digest: SessionDigest,
    series: SessionSeries,
    alerts: (range: TimeRange) => AsyncIterable<Heard<ReplayAlert>>,
    missing: Set<string>,
    made: { readonly annotations: readonly Annotation[]; readonly issues: readonly Issue[] },
    deps: RecordingDeps,
    signal: AbortSignal,
  ) {
    this.session = session;
    this.range = range;
    this.seriesKeys = series.keys;
    this.alerts = alerts;
    this.missing = missing;
    this.#made = made;
    this.#digest = digest;
    this.#deps = deps;
    this.#signal = signal;
    const onLack = ({ isDamaged, missing: nodes = [] }: Lacking) => {
      if (isDamaged) missing.add("some of the points are damaged: watchpost verify names them");
      for (const { name, why } of nodes) missing.add(`points that only the node ${name} has are missing: ${why}`);
    };
    this.#points = new StoredPoints(deps.store, series.ids, signal, onLack);
  }

  silences(): Promise<readonly Silence[]> {
    const { range, alerts } = this;
    const own = { range, alerts, messages: (within: TimeRange) => this.messages(within) };
    return silencesOf(own, this.missing, this.#deps, this.#signal);
  }

  async *messages(range: TimeRange): AsyncGenerator<Heard<CollaborationMessage>> {
    const messages = this.#digest.messages(range, this.#deps.journal, this.missing, this.#signal);
    for await (const { atMs, what } of messages) yield { atMs, what: wireOf(what, "") };
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

/** Those of the alerts that a session was about. */
async function* alertsIn(
  about: About,
  { fromUs, toUs }: TimeRange,
  { journal, replayedAlert }: RecordingDeps,
  { seesAlert }: Sight,
  missing: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<Heard<ReplayAlert>> {
  if (!about.mayHaveAlerts) return;
  const [fromMs, toMs] = [fromUs / 1_000, toUs / 1_000];
  let heardMs = -Infinity;
  const after = await positionBefore(journal, fromMs - DISORDER_MS);
  if (after + 1 === journal.firstPosition && after > 0) missing.add("alerts of its beginning may not be kept any more");
  for await (const entry of entriesOf(journal, { kind: ALERT_EVENT }, after, signal)) {
    if (entry.atMs >= toMs + DISORDER_MS) return;
    if (entry.atMs < fromMs || entry.atMs >= toMs) continue;
    let alert: ReplayAlert;
    try {
      alert = create(ReplayAlertSchema, replayedAlert(entry));
    } catch {
      missing.add(unreadable(entry));
      continue;
    }
    if (alert.alert === undefined || !about.hasAlert(alert.alert) || !seesAlert(alert.alert.labels)) continue;
    heardMs = Math.max(heardMs, entry.atMs);
    yield { atMs: heardMs, what: alert };
  }
}

function boundsOf(session: Session, { first, lastMs }: SessionDigest): TimeRange {
  const fromMs = first?.atMs ?? createdAtMs(session);
  return { fromUs: fromMs * 1_000, toUs: Math.max(fromMs, lastMs) * 1_000 + 1_000 };
}

/** Shortly before the first alert of its topic rose, where that is no more than a day before `beforeUs`; otherwise that. */
async function riseUs(
  { topic }: Session,
  beforeUs: number,
  { journal, replayedAlert }: Pick<RecordingDeps, "journal" | "replayedAlert">,
): Promise<number> {
  let earliestUs = beforeUs;
  for (const subject of topic?.alertIds.slice(0, RISING_MAX) ?? []) {
    const [entry] = await journal.read({ subject, kind: ALERT_EVENT, after: 0, limit: 1 });
    const since = entry === undefined ? undefined : sinceOf(entry, replayedAlert);
    const riseUs = since === undefined ? NaN : (msOfTimestamp(since) - BEFORE_RISE_MS) * 1_000;
    if (riseUs >= beforeUs - RISE_WITHIN_MS * 1_000) earliestUs = Math.min(earliestUs, riseUs);
  }
  return Math.max(0, earliestUs);
}

/** Since when what an alert is about is so, where that can be read. */
function sinceOf(entry: JournalEntry, replayedAlert: RecordingDeps["replayedAlert"]): Timestamp | undefined {
  try {
    return create(ReplayAlertSchema, replayedAlert(entry)).alert?.since;
  } catch {
    return undefined;
  }
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
