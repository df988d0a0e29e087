/**
 * Alerts as the server has them: brings back where everything stood, evaluates what comes from then on, and serves the
 * Alerts service.
 */
import type { Bus } from "../bus/bus.ts";
import type { ForgetSlice } from "../log/journal-retention.ts";
import type { Scope } from "../model/access.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { BurstGarbage } from "../model/burst-garbage.ts";
import type { DeviceStandings } from "../model/device-standing.ts";
import { messageOf } from "../model/errors.ts";
import type { Frame } from "../model/frame.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../model/journal.ts";
import type { LastingJournal } from "../model/lasting-journal.ts";
import type { SeriesMatcher } from "../model/matcher.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeriesMarks } from "./series-marks.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { RangeQuery, RangeResult } from "../store/protocol.ts";
import type { MethodImpl } from "../wire/service.ts";
import { CLEARED_ALERTS } from "./alert-documents.ts";
import { AlertBook } from "./alert-book.ts";
import { AlertWriter } from "./alert-writer.ts";
import { describeDevice, isOfDevice } from "./describe-device.ts";
import { describe, describeLate, describeMet } from "./describe.ts";
import { deviceOfPlace } from "./device-rules.ts";
import { Engine } from "./engine.ts";
import { FrameIntake } from "./evaluation/frame-intake.ts";
import { RuleWants } from "./evaluation/rule-wants.ts";
import { SpreadRules, type SpreadRulesDeps } from "./evaluation/spread-rules.ts";
import type { TakeRulesDeps } from "./evaluation/take-rules.ts";
import { forgetCleared } from "./forget-cleared.ts";
import { Incidents, type ParentsOf } from "./incidents.ts";
import type { Instance } from "./instance.ts";
import type { InstanceListener } from "./instance-listener.ts";
import { policiesTrouble } from "./known-policy.ts";
import { Lifespan } from "./lifespan.ts";
import type { AlertReader } from "./list-alerts.ts";
import { MovedAlerts } from "./moved-alerts.ts";
import { NOBODY, type NotifySetup } from "./nobody.ts";
import type { Notifying } from "./notifying.ts";
import { countFromZero, openTelling } from "./open-telling.ts";
import { PublishedAlerts } from "./published-alerts.ts";
import { readAlertEvents } from "./read-alert-events.ts";
import { restoreInstances, restoreRules, type LatestValues } from "./restore-alerts.ts";
import { RuleBook } from "./rule-book.ts";
import type { Rule } from "./rule.ts";
import type { Severity } from "./severity.ts";
import { alertMethods } from "./service.ts";
import { learnGaps } from "./learn-gaps.ts";
import { restorePast } from "./restore-past.ts";
import { SeasonalProfiles, type HourlyHistory } from "./seasonal-profiles.ts";
import { seesAlert, type SeesAlert } from "../model/sees-alert.ts";
import { SetAside } from "../model/set-aside.ts";
import type { History } from "./warm-up.ts";

/** The journal as alerts use it. */
export interface AlertJournal extends AlertReader {
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
  cursorOf(position: number): string;
  positionOf(cursor: string): number;
  readonly lastPosition: number;
}

export interface AlertsDeps {
  readonly registry: SeriesRegistry;
  /** How series are written down; left out: by their ids. */
  readonly marks?: SeriesMarks;
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "seesDevice" | "seesLabels" | "onMoved">;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly journal: AlertJournal;
  /** The same for what alerts do by themselves; left out: it is one and the same. */
  readonly lasting?: LastingJournal & AlertReader;
  readonly latest: LatestValues;
  readonly history: History & HourlyHistory;
  /** What came after a time, as far as it is still in the log, in order. */
  framesAfter(arrivalMs: number): Iterable<Frame>;
  /** Of what is stored. */
  readonly newestArrivalMs: number;
  /** When the oldest of the points came that are not on the bus yet; Infinity: there are none. */
  arrivingSinceMs(): number;
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  /** How long a test of a rule may take. */
  readonly testTimeoutMs: number;
  range(query: RangeQuery, options: { readonly signal: AbortSignal }): Promise<RangeResult>;
  /** The path of the rules file, for people; left out: there is none. */
  readonly rulesFile?: string;
  readonly newId: () => string;
  readonly newIncidentId: () => string;
  /** Left out: there are no devices. */
  readonly devices?: DeviceStandings;
  /** Left out: nothing stands above anything. */
  readonly parentsOf?: ParentsOf;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly garbage: BurstGarbage;
  /** Left out: all rules are evaluated here. */
  readonly spreading?: Spreading & Pick<SpreadRulesDeps, "cameSince">;
  /** Left out: nobody counts. */
  readonly metrics?: Pick<Metrics, "alertSeconds" | "notifications">;
  onTrouble(sentence: string): void;
  /** Hears what is worth a line and no trouble. */
  onNotice(sentence: string): void;
}

/** Other nodes evaluate rules, too. */
export interface Spreading extends Pick<TakeRulesDeps, "latestOf"> {
  /** Of this node. */
  readonly nodeId: string;
  /** What it matches is to come over the bus, until what this returns is called. */
  want(matcher: SeriesMatcher): () => void;
  /** After so long other nodes know what is wanted here, and have sent it. */
  readonly wantedAfterMs: number;
}

export interface OpenAlerts {
  readonly methods: MethodImpl[];
  readonly rules: RuleBook;
  readonly book: AlertBook;
  readonly notifying: Notifying;
  /** Whether alerts with these labels are in a scope. */
  sees(scope: Scope): SeesAlert;
  readonly engine: Engine;
  /** Undefined: all rules are evaluated here. */
  readonly spread: SpreadRules | undefined;
  /** Rules that are evaluated here. */
  readonly rulesHere: number;
  /** Takes another rules file; where it cannot be taken all stays as it was. */
  reload(file: AlertsFile): Promise<void>;
  /** Of cleared alerts. */
  readonly forgetOld: ForgetSlice;
  /** While points are refused, or time cannot be trusted, nobody is silent. */
  setHearing(isHearing: boolean, reason?: string): void;
  /** Evaluates nothing more. */
  stop(): void;
  /** Stops, and writes down where everything stands. Idempotent. */
  close(): Promise<void>;
}

/** What the rules file says. */
export interface AlertsFile {
  readonly rules: readonly Rule[];
  readonly notify: NotifySetup;
}

const NO_FILE: AlertsFile = { rules: [], notify: NOBODY };
/** Past so many series it takes longer to look through their names for garbage than it is worth. */
const COLLECTED_SERIES_MAX = 100_000;
const PROFILES_EVERY_MS = 6 * 3_600_000;

/** `file`: what the rules file brings, which is not written down. */
export async function openAlerts(deps: AlertsDeps, file: AlertsFile = NO_FILE): Promise<OpenAlerts> {
  const { registry, clock, journal, garbage } = deps;
  const lasting: LastingJournal & AlertReader = deps.lasting ?? journal;
  const sees = (scope: Scope) => seesAlert(scope, deps.scopes);
  const pause = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const describeNow = (instance: Instance, severity: Severity) => {
    if (!isOfDevice(instance)) return describe(instance, severity, registry);
    const device = deviceOfPlace(instance.place);
    return describeDevice(instance.rule, device, deps.devices?.get(device), severity);
  };
  const writer = new AlertWriter(lasting, clock, deps.onTrouble, (changes) => garbage.note(changes));
  const incidents = new Incidents(file.notify.correlation, deps.newIncidentId, deps.parentsOf);
  const book: AlertBook = new AlertBook({
    writer,
    incidents,
    clock,
    newId: deps.newId,
    atMs: () => engine.atMs(),
    reset: (instance) => (spread ?? engine).reset(instance),
    isKnown: async (id) => (await lasting.document(CLEARED_ALERTS, id)) !== undefined,
    describe: describeNow,
    describeMet: (instance, severity, before) =>
      isOfDevice(instance) ? before : describeMet(instance, severity, registry, before),
    describeLate: (instance, probe, severity, value) => describeLate(instance, probe, severity, value, registry),
  });
  const listener: InstanceListener = {
    onChange: (instance, change, reason) => book.onChange(instance, change, reason),
    onLate: (instance, probe, episode) => book.onLate(instance, probe, episode),
    onGone: (instance) => book.end(instance, "series_deleted"),
  };
  const { staleAfterMs, newestArrivalMs } = deps;
  const profiles = new SeasonalProfiles(deps.history);
  const engine: Engine = new Engine({ ...deps, listener, profiles });
  const lifespan = await Lifespan.open(
    { ...deps, journal: lasting, book, engine, isWritten: () => writer.isWritten },
    newestArrivalMs,
  );
  const intake = new FrameIntake({ engine, clock, onTrouble: deps.onTrouble });
  const wants = deps.spreading && new RuleWants({ ...deps.spreading, engine, clock });
  const evaluatedElsewhere = { engine, book, intake, profiles, onEvaluated: () => lifespan.note() };
  const spread =
    deps.spreading && new SpreadRules({ ...deps, ...deps.spreading, ...evaluatedElsewhere, wants: wants! });
  let policies = namesOf(file.notify);
  const rules = new RuleBook({
    policies: () => policies,
    engine,
    book,
    journal,
    nowMs: () => clock.nowMs(),
    beat: () => (lasting.hasHeld === true ? [] : lifespan.beat()),
    learn: async (seriesIds) => {
      await learnGaps(engine, deps.history, seriesIds, await deps.history.firstTimes(seriesIds));
      await profiles.load(clock.nowMs(), false);
    },
    changed() {
      wants?.changed();
      spread?.changed();
    },
  });

  book.restoredThrough(journal.lastPosition);
  await restoreRules(journal, rules);
  rules.takeFileRules(file.rules);
  wants?.look();
  const livedAfterMs = (timeMs: number) => lifespan.livedAfterMs(timeMs);
  const setAside = new SetAside(deps.onTrouble);
  const removed = await restoreInstances(lasting, engine, book, incidents, livedAfterMs, setAside);
  await profiles.load(clock.nowMs(), true);
  await restorePast({ engine, ...deps, evaluatedMs: lifespan.evaluatedMs, livedAfterMs });
  if (removed.length > 0) await lasting.append([], removed);
  const unfollowBrought = lasting.followBrought?.((position) => book.restoredThrough(position));
  const published = new PublishedAlerts(book, clock);

  const {
    notifying,
    escalating,
    close: closeTelling,
  } = await openTelling({ ...deps, journal: lasting, book, rules, published, writer, sees }, file.notify);
  const moved = new MovedAlerts({
    scopes: deps.scopes,
    registry,
    book,
    clock,
    run: String(journal.lastPosition),
    isAwaited: () => notifying.hasScopes,
    onMoved: (alerts) => notifying.moved(alerts),
    pause,
  });
  const unregister = registry.onAdded((id) => {
    if (id <= COLLECTED_SERIES_MAX) garbage.note(1);
  });
  const unsubscribe = deps.bus.subscribe((frame) => {
    garbage.disturb();
    const beganAtMs = clock.monotonicMs();
    intake.take(frame);
    deps.metrics?.alertSeconds.observe((clock.monotonicMs() - beganAtMs) / 1_000);
    lifespan.note();
  });
  engine.start();
  lifespan.begin();
  const tellPolicies = () => {
    const trouble = policiesTrouble(
      rules.all().map(({ rule }) => rule),
      policies,
    );
    if (trouble !== undefined) deps.onTrouble(trouble);
  };
  tellPolicies();
  let cancelRefresh = () => {};
  const refreshLater = () => {
    cancelRefresh = clock.after(PROFILES_EVERY_MS, () => {
      refreshLater();
      profiles
        .load(clock.nowMs(), true)
        .catch((error: unknown) => deps.onTrouble(`what is usual is not known: ${messageOf(error)}`));
    });
  };
  refreshLater();
  const stop = () => {
    cancelRefresh();
    unregister();
    unsubscribe();
    wants?.close();
    spread?.close();
    intake.close();
    engine.close();
    published.close();
    moved.close();
    unfollowBrought?.();
  };
  let closing: Promise<void> | undefined;
  return {
    methods: alertMethods({
      book,
      rules,
      policies: () => policies,
      published,
      incidents,
      reader: lasting,
      setAside,
      journal: {
        readAfter: (position) => readAlertEvents(journal, position, setAside),
        cursorOf: (position) => journal.cursorOf(position),
        positionOf: (cursor) => journal.positionOf(cursor),
        lacksTold: () => writer.lacksTold || lasting.hasHeld === true,
      },
      testing: {
        registry,
        clock,
        staleAfterMs,
        timeoutMs: deps.testTimeoutMs,
        history: deps.history,
        range: (query, options) => deps.range(query, options),
        scopes: deps.scopes,
        ...(deps.devices && { devices: deps.devices }),
        telling: () => notifying.telling(),
      },
      silencing: notifying,
      moved,
      scopes: deps.scopes,
      ...(deps.devices && { devices: deps.devices }),
      sees,
      labelsOf: (instance) => describeNow(instance, instance.rule.severity).labels,
      pause,
      telling: notifying,
      rulesFile: deps.rulesFile ?? "",
      newId: deps.newId,
      nowMs: () => clock.nowMs(),
      together: (run) => writer.together(run),
      written: () => writer.written(),
    }),
    rules,
    book,
    notifying,
    sees,
    ...{ engine, spread },
    get rulesHere() {
      return engine.rules.values().reduce((sum, { isLent }) => sum + Number(!isLent), 0);
    },
    forgetOld: forgetCleared(journal, setAside),
    async reload({ rules: fileRules, notify }) {
      await notifying.reload(notify, () => rules.replaceFileRules(fileRules));
      incidents.correlateBy(notify.correlation, book.active());
      policies = namesOf(notify);
      countFromZero(notify, deps.metrics);
      await escalating.reload(notify.escalation);
      tellPolicies();
    },
    setHearing(isHearing, reason = "") {
      engine.setHearing(isHearing, reason);
      lifespan.setHearing(engine.isHearing);
    },
    stop,
    close: () =>
      (closing ??= (async () => {
        stop();
        await writer.written().catch(() => {});
        await closeTelling();
        await lifespan.end();
        writer.close();
      })()),
  };
}

function namesOf({ escalation }: NotifySetup): string[] {
  return escalation.policies.map(({ name }) => name);
}
