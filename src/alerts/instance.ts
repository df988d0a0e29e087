/**
 * One rule for one set of labels: the series it is bound to, and where its alert stands. No clock and no timers: whoever
 * has it feeds it samples, and wakes it when it is due. `atMs` is monotonic and stands still while nobody could be heard.
 */
import type { EvaluatedRule, InstancePlace } from "./evaluated-rule.ts";
import type { InstanceListener } from "./instance-listener.ts";
import { LateLane } from "./late-lane.ts";
import { Lifecycle, type LifecycleChange } from "./lifecycle.ts";
import { Probe } from "./probe.ts";
import type { ProbeRows } from "./probe-rows.ts";
import type { Rule } from "./rule.ts";
import type { SavedInstance } from "./saved-instance.ts";
import { keyOfPlace } from "./series-marks.ts";
import { NONE_SPENT, SpentSeries } from "./spent-series.ts";

/** As live values are. */
const [STALE_GAPS, STALE_AFTER_MS_MIN] = [3, 15_000];
/** For so long, and not for longer than half a gap, a sample may be on its way that decides what time would decide. */
const DECIDING_MS_MAX = 2_000;
/** After so long without late points the run of them has ended. */
const LATE_IDLE_MS = 60_000;
/** Stays empty. */
const NO_PROBES: Probe[] = [];

export class Instance {
  readonly shared: EvaluatedRule;
  readonly place: InstancePlace;
  probes: Probe[] = NO_PROBES;
  readonly lifecycle = new Lifecycle();
  /** Instance time: the newest of its series' clocks, or when it was woken last. */
  clockUs = -Infinity;
  /** When {@link clockUs} was reached. */
  clockAtMs: number;
  /** Since when there could have been samples of its series. */
  listenedAtMs: number;
  isStale = false;
  /** The series that was heard last. */
  lead: Probe | null = null;
  /** Of the alert it fires. */
  alertId: string | null = null;
  /** Everything up to here was evaluated before this start. */
  evaluatedUs = -Infinity;
  /** A group that has heard some of its series, and maybe not all. */
  isUnsettled = false;
  #settlings = 0;
  /** When it began to fire: the limit itself had to be met then. */
  #firedUs = -Infinity;
  #spent = NONE_SPENT;
  /** When whoever drives it means to wake it. */
  wakesAtMs = Infinity;
  #lateAtMs = Infinity;
  /** 1 where silence itself meets the condition. */
  #silentLevel = 0;

  /** `nowUs`: the wall clock; silence counts from now on. */
  constructor(shared: EvaluatedRule, place: InstancePlace, nowUs: number, atMs: number) {
    this.shared = shared;
    this.place = place;
    if (shared.rule.condition.kind === "absence") this.clockUs = nowUs;
    this.clockAtMs = atMs;
    this.listenedAtMs = atMs;
  }

  /** As its alert says it: one about absence says so anyway. */
  get isMarkedStale(): boolean {
    return this.isStale && !this.#isAbsence;
  }

  /** Something is on its way, or series have not been heard since it was ended from outside, when they met the condition. */
  get isOpen(): boolean {
    return this.lifecycle.phase !== "quiet" || !this.#spent.isEmpty;
  }

  /** The place as it is written down. */
  get key(): string {
    return keyOfPlace(this.place, this.shared.marks);
  }

  get rule(): Rule {
    return this.shared.rule;
  }

  bind(seriesId: number, rows: ProbeRows): Probe {
    const probe = new Probe(this, seriesId, this.shared.makeState(seriesId), rows);
    // A list that grows from nothing has room for five; most have one.
    if (this.probes.length === 0) this.probes = [probe];
    else this.probes.push(probe);
    return probe;
  }

  /** The series is gone; returns whether any is left. */
  unbind(seriesId: number, atMs: number, listener: InstanceListener): boolean {
    this.#catchUp();
    this.probes = this.probes.filter((probe) => probe.seriesId !== seriesId);
    if (this.probes.length === 0) return false;
    if (this.lead?.seriesId === seriesId) this.lead = this.probes[0];
    for (const probe of this.probes) probe.isCalm = false;
    this.#moveTo(this.#timeAt(atMs), atMs);
    this.#step(listener);
    return true;
  }

  /** A point has come to one of its series. It may be due at another time then. */
  take(probe: Probe, timeUs: number, value: number, arrivalUs: number, atMs: number, listener: InstanceListener): void {
    // Whether a device is heard of is a matter of new points, not of its clock.
    const isOld = probe.state !== null && arrivalUs - timeUs > probe.lateAfterUs;
    if (isOld || timeUs <= probe.clockUs || timeUs === probe.stampUs) {
      return this.#takeLate(probe, timeUs, value, atMs, listener);
    }
    if (probe.unsettledIn === this.#settlings) this.settle(listener);
    this.#elapse(probe, Math.min(timeUs, arrivalUs), listener);
    const level = probe.take(timeUs, value, arrivalUs, atMs, this.lifecycle.shown);
    this.moved(probe, level, listener);
  }

  /**
   * The newest sample of one of its series has this level. In a group what others say together with it counts, too: it is
   * unsettled until the series says something else, or {@link settle}.
   */
  moved(probe: Probe, level: number, listener: InstanceListener): void {
    const isGroup = this.probes.length > 1;
    const isFirst = this.lead === null;
    this.lead = probe;
    this.#moveTo(probe.clockUs, probe.seenAtMs);
    const { lifecycle } = this;
    const isSame = level === probe.level && (isGroup ? level <= lifecycle.level : level === lifecycle.level);
    if (!isSame || !lifecycle.isSettled || this.isStale) {
      probe.level = level;
      if (isGroup) {
        this.isUnsettled = true;
        probe.unsettledIn = this.#settlings;
      } else this.#hear(listener);
    }
    const isSettled = isSame && lifecycle.isSettled;
    probe.isCalm = !isFirst && isSettled && probe.gapMs > 0 && (probe.state?.dueUs ?? Infinity) === Infinity;
  }

  /** No more is coming together with what has come. */
  settle(listener: InstanceListener): void {
    if (!this.isUnsettled) return;
    this.isUnsettled = false;
    this.#settlings++;
    this.#catchUp();
    this.#hear(listener);
  }

  /** The series that meets the condition most, the one heard last where several do; null where there is none. */
  leading(): Probe | null {
    if (this.probes.length < 2) return this.lead;
    const isMore = (a: Probe, b: Probe) => (a.level - b.level || a.clockUs - b.clockUs) > 0;
    return this.probes.reduce((best, probe) => (isMore(probe, best) ? probe : best));
  }

  /** Meets the condition from outside of all series, or does not any more. What goes on over a restart is left as it is. */
  judge(isMet: boolean, nowUs: number, atMs: number, listener: InstanceListener): void {
    const level = Number(isMet);
    if (level === this.#silentLevel && level === this.lifecycle.level) return;
    this.#silentLevel = level;
    this.#moveTo(nowUs, atMs);
    this.#step(listener);
  }

  /** When it has to be woken, in the same time; Infinity: never. */
  dueAtMs(nowMs: number): number {
    this.#catchUp();
    let dueAtMs = this.#lifecycleAtMs();
    for (const { state } of this.probes)
      if (state !== null) dueAtMs = Math.min(dueAtMs, this.#decidedAtMs(state.dueUs));
    if (this.#isWatchedForSilence) dueAtMs = Math.min(dueAtMs, this.#lookForSilenceAtMs(nowMs));
    // Timers know no parts of a millisecond.
    return Math.ceil(Math.min(dueAtMs, this.#lateAtMs + LATE_IDLE_MS));
  }

  /** Does what is due. */
  wake(atMs: number, listener: InstanceListener): void {
    this.#catchUp();
    if (atMs >= this.#lateAtMs + LATE_IDLE_MS) this.#endLate(listener);
    const isSilent = this.#isWatchedForSilence && atMs >= this.#silentAtMs;
    if (isSilent && this.rule.noData === "resolve" && !this.#isAbsence) return this.#resolveSilent(listener);
    const isDue = atMs >= this.#lifecycleAtMs();
    const nowUs = this.#timeAt(atMs);
    for (const probe of this.probes) {
      const { state } = probe;
      // Also what is due right now: no sample of this time is waited for any more.
      if (state !== null && atMs >= this.#decidedAtMs(state.dueUs)) this.#elapse(probe, nowUs + 1, listener);
    }
    if (isSilent) this.#fallSilent();
    if (!isDue && !isSilent) return;
    this.#moveTo(nowUs, atMs);
    const change = this.#step(listener);
    if (isSilent && change === null && this.lifecycle.phase !== "quiet") listener.onChange(this, "stale", "resolved");
  }

  /** Ended from outside: the condition must hold anew from the next sample on, silence must last anew from now on. */
  reset(atMs: number): void {
    this.listenedAtMs = atMs;
    if (this.probes.length > 1) this.#spent = this.#spent.spend(this.probes);
    this.lifecycle.reset();
    this.isStale = false;
    this.isUnsettled = false;
    this.#silentLevel = 0;
    for (const probe of this.probes) {
      probe.level = 0;
      probe.isCalm = false;
    }
  }

  save(atMs: number): SavedInstance {
    this.#catchUp();
    const gapMs = this.lead?.gapMs ?? 0;
    const [{ clockUs, isStale }, firedUs] = [this, this.#firedUs];
    const spent = this.#spent.save(this.probes, this.lifecycle.phase === "quiet", this.shared.marks);
    return { ...this.lifecycle.save(), clockUs, silentMs: atMs - this.clockAtMs, gapMs, isStale, spent, firedUs };
  }

  /** Nobody could be heard before now: silence counts from here on. */
  restore(saved: SavedInstance, atMs: number): void {
    this.lifecycle.restore(saved);
    this.clockUs = saved.clockUs;
    this.evaluatedUs = saved.clockUs;
    this.clockAtMs = atMs - saved.silentMs;
    this.isStale = saved.isStale;
    this.#firedUs = saved.firedUs ?? -Infinity;
    this.#spent = saved.spent.length > 0 ? SpentSeries.restored(saved.spent, this.shared.marks) : NONE_SPENT;
    const isJudged = this.rule.condition.kind === "device" && saved.level > 0;
    this.#silentLevel = Number(isJudged || (saved.isStale && this.#isMetBySilence));
    for (const probe of this.probes) probe.gapMs = saved.gapMs;
  }

  /** Everything up to this point of a series, which came at `thenMs`, was evaluated before; `clockUs`: on its clock. */
  restoreClock(probe: Probe, stampUs: number, clockUs: number, value: number, thenMs: number, atMs: number): void {
    if (clockUs <= probe.clockUs || stampUs === probe.stampUs) return;
    // The clock of a device need not be ours; what was written down knows how far they are apart.
    const isKnown = this.evaluatedUs > -Infinity;
    this.#moveTo(clockUs, isKnown ? Math.min(atMs, this.clockAtMs + (clockUs - this.clockUs) / 1_000) : thenMs);
    const shown = clockUs === this.#firedUs ? 0 : this.lifecycle.shown;
    const level = probe.state?.take(clockUs, value, Math.min(probe.level, shown)) ?? 0;
    probe.restore(clockUs, stampUs, value, this.#restoredLevel(probe, clockUs, level), atMs);
    this.lead ??= probe;
  }

  /** What became of a series without samples until a time. */
  restoreElapsed(probe: Probe, atMs: number): void {
    const { state } = probe;
    for (const untilUs = this.#timeAt(atMs); state !== null && state.dueUs < untilUs;)
      probe.level = this.#restoredLevel(probe, probe.clockUs, state.elapse(state.dueUs, probe.level));
  }

  /** `level`: as it is worked out again. What is written down of a single series knows it; of a group each has its own. */
  #restoredLevel({ seriesId }: Probe, clockUs: number, level: number): number {
    if (this.probes.length === 1) return this.lifecycle.level;
    return this.#spent.has(seriesId, clockUs) ? 0 : level;
  }

  get #isAbsence(): boolean {
    return this.rule.condition.kind === "absence";
  }

  /** Whether silence would change something. */
  get #isWatchedForSilence(): boolean {
    if (this.isStale || this.probes.length === 0) return false;
    if (this.#isMetBySilence) return this.#isAbsence ? this.lifecycle.level === 0 : this.lead !== null;
    return this.lifecycle.phase !== "quiet";
  }

  get #isMetBySilence(): boolean {
    return this.#isAbsence || this.rule.noData === "fire";
  }

  get #silentAtMs(): number {
    const { condition } = this.rule;
    const afterMs = condition.kind === "absence" ? condition.afterMs : undefined;
    return this.#heardAtMs() + (afterMs ?? this.#staleAfterMs()) + this.#decidingMs();
  }

  /** Gaps may grow shorter meanwhile, of which nobody says anything: looked at again half way. */
  #lookForSilenceAtMs(nowMs: number): number {
    const silentAtMs = this.#silentAtMs;
    if (silentAtMs === Infinity || silentAtMs <= nowMs) return silentAtMs;
    return Math.min(silentAtMs, nowMs + Math.max(STALE_AFTER_MS_MIN, (silentAtMs - nowMs) / 2));
  }

  #heardAtMs(): number {
    return this.probes.reduce((latest, { seenAtMs }) => Math.max(latest, seenAtMs), this.listenedAtMs);
  }

  /** Where no gap is known nobody can tell what silence is; only a mark is set then, after a while. */
  #staleAfterMs(): number {
    const gapMs = this.#shortestGapMs();
    if (gapMs < Infinity) return Math.max(STALE_GAPS * gapMs, STALE_AFTER_MS_MIN);
    return this.#isMetBySilence ? Infinity : this.shared.staleAfterMs;
  }

  #shortestGapMs(): number {
    let shortest = Infinity;
    for (const { gapMs } of this.probes) if (gapMs > 0 && gapMs < shortest) shortest = gapMs;
    return shortest;
  }

  /** When a hold ends, or a keeping. */
  #lifecycleAtMs(): number {
    return this.#decidedAtMs(this.lifecycle.dueUs(this.shared.timing));
  }

  /** When a time has come, and no sample of that time is to be expected that may decide otherwise. */
  #decidedAtMs(timeUs: number): number {
    if (timeUs === Infinity) return Infinity;
    const atMs = this.#atMsOf(timeUs);
    if (this.isStale || this.lead === null) return atMs;
    return atMs + this.#decidingMs();
  }

  #decidingMs(): number {
    return Math.min(DECIDING_MS_MAX, this.#shortestGapMs() / 2);
  }

  /** When instance time reaches a time, if nothing is heard until then. */
  #atMsOf(timeUs: number): number {
    return timeUs === Infinity ? Infinity : this.clockAtMs + Math.max(0, Math.ceil((timeUs - this.clockUs) / 1_000));
  }

  #timeAt(atMs: number): number {
    return this.clockUs + Math.max(0, atMs - this.clockAtMs) * 1_000;
  }

  /** With samples that changed nothing. */
  #catchUp(): void {
    for (const { clockUs, seenAtMs } of this.probes) this.#moveTo(clockUs, seenAtMs);
  }

  #moveTo(timeUs: number, atMs: number): void {
    if (timeUs <= this.clockUs) return;
    this.clockUs = timeUs;
    this.clockAtMs = atMs;
  }

  #levelOfAll(): number {
    let highest = this.#silentLevel;
    for (const { level } of this.probes) if (level > highest) highest = level;
    return highest;
  }

  #step(listener: InstanceListener): LifecycleChange | null {
    const change = this.lifecycle.step(this.#levelOfAll(), this.clockUs, this.shared.timing);
    // While a hold runs all of its series move its time.
    if (this.probes.length > 1 && !this.lifecycle.isSettled) for (const probe of this.probes) probe.isCalm = false;
    if (change === "fired") this.#firedUs = this.clockUs;
    if (change !== null) listener.onChange(this, change, "resolved");
    return change;
  }

  #hear(listener: InstanceListener): void {
    const wasStale = this.isStale;
    this.isStale = false;
    this.#silentLevel = 0;
    const change = this.#step(listener);
    if (wasStale && change === null && this.lifecycle.phase !== "quiet") listener.onChange(this, "heard", "resolved");
  }

  /** What has changed without a sample before one comes. */
  #elapse(probe: Probe, timeUs: number, listener: InstanceListener): void {
    for (const { state } = probe; state !== null && state.dueUs < timeUs;) {
      const { dueUs } = state;
      probe.level = state.elapse(dueUs, probe.level);
      this.#moveTo(dueUs, this.#atMsOf(dueUs));
      this.#step(listener);
    }
  }

  #fallSilent(): void {
    this.isStale = true;
    for (const probe of this.probes) probe.isCalm = false;
    if (this.#isMetBySilence) this.#silentLevel = 1;
  }

  #resolveSilent(listener: InstanceListener): void {
    const { phase } = this.lifecycle;
    this.reset(this.listenedAtMs);
    this.isStale = true;
    listener.onChange(this, phase === "pending" ? "cancelled" : "cleared", "no_data");
  }

  #takeLate(probe: Probe, timeUs: number, value: number, atMs: number, listener: InstanceListener): void {
    if (probe.state === null || !probe.isMissing(timeUs)) return;
    const { makeState } = this.shared;
    const missing = probe.missingAt(timeUs);
    probe.late ??= new LateLane(missing, () => makeState(probe.seriesId)!, this.shared.timing);
    const episode = probe.late.take(timeUs, value);
    this.#lateAtMs = atMs;
    if (episode !== null) listener.onLate(this, probe, episode);
  }

  #endLate(listener: InstanceListener): void {
    this.#lateAtMs = Infinity;
    for (const probe of this.probes) {
      const episode = probe.late?.end() ?? null;
      if (episode !== null) listener.onLate(this, probe, episode);
    }
  }
}
