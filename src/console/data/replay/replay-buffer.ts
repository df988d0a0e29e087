/** A replay as it has been read so far: what happened, in order, within bounds. Pure. */
import type { Alert } from "../../../wire/gen/alerts_pb.ts";
import type { CollaborationMessage, ReplayEvent } from "../../../wire/gen/collaboration_pb.ts";
import type { SeriesRange } from "../../../wire/gen/history_pb.ts";
import type { ReplayAlert } from "../../../wire/gen/replay_pb.ts";
import { msOf } from "../../format.ts";
import { ReplaySeries } from "./replay-series.ts";

export const POINTS_MAX = 500_000;
/** Of messages, and of changes of alerts. */
export const ITEMS_MAX = 20_000;
/** Points of so much time come together; each is shown at its own time where that is within it. */
const TOGETHER_MS = 1_000;

export class ReplayBuffer {
  readonly series = new Map<string, ReplaySeries>();
  readonly messages: CollaborationMessage[] = [];
  readonly messagesAtMs: number[] = [];
  readonly alerts: ReplayAlert[] = [];
  readonly alertsAtMs: number[] = [];
  #range = { fromMs: NaN, toMs: NaN };
  #readToMs = -Infinity;
  #points = 0;
  #missing = "";
  #isWhole = false;

  /** [from, to) of the replay; NaN: not known yet. */
  get range(): { readonly fromMs: number; readonly toMs: number } {
    return this.#range;
  }

  /** Everything up to here is in it. */
  get readToMs(): number {
    return this.#readToMs;
  }

  get points(): number {
    return this.#points;
  }

  /** What cannot be shown, as a sentence; "": all can. */
  get missing(): string {
    return this.#missing;
  }

  /** Nothing comes behind it. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get isFull(): boolean {
    return this.#points >= POINTS_MAX || this.messages.length >= ITEMS_MAX || this.alerts.length >= ITEMS_MAX;
  }

  take({ at, event }: ReplayEvent): void {
    const atMs = Math.max(this.#readToMs, msOf(at) ?? 0);
    this.#readToMs = atMs;
    switch (event.case) {
      case "message":
        this.messages.push(event.value);
        this.messagesAtMs.push(atMs);
        return;
      case "alert":
        this.alerts.push(event.value);
        this.alertsAtMs.push(atMs);
        return;
      case "points":
        for (const range of event.value.series) this.#takePoints(atMs, range);
        return;
      case "mark":
        this.#range = { fromMs: msOf(event.value.from) ?? NaN, toMs: msOf(event.value.to) ?? NaN };
        this.#missing = event.value.missing;
        this.#isWhole = event.value.end;
    }
  }

  #takePoints(atMs: number, range: SeriesRange): void {
    const { metric, source, tags, device, unit, timesMs, values } = range;
    const key = JSON.stringify([metric, source, Object.entries(tags).sort()]);
    let series = this.series.get(key);
    if (series === undefined) {
      const others = Object.entries(tags).filter(([name]) => name !== "device");
      const label = [device || source, ...others.map(([name, value]) => `${name}=${value}`)].join(" ");
      this.series.set(key, (series = new ReplaySeries(key, metric, device || source, label, unit)));
    }
    for (let i = 0; i < timesMs.length; i++) {
      const timeMs = timesMs[i];
      series.add(timeMs >= atMs && timeMs < atMs + TOGETHER_MS ? timeMs : atMs, timeMs, values[i]);
    }
    this.#points += timesMs.length;
  }
}

/** By id: as each was told last. */
export type AlertsThen = ReadonlyMap<string, Alert>;
