/** Messages, alerts and points of a recording in one order. Of what happened at once points come first, then alerts. */
import type { CollaborationMessage } from "../../wire/gen/collaboration_pb.ts";
import type { ReplayAlert } from "../../wire/gen/replay_pb.ts";
import { firstAtOrAfter, partOf, type ShownPoints } from "./points.ts";
import type { Heard } from "./recording.ts";

export type Happening =
  | { readonly kind: "points"; readonly atMs: number; readonly points: ShownPoints }
  | { readonly kind: "alert"; readonly atMs: number; readonly alert: ReplayAlert }
  | { readonly kind: "message"; readonly atMs: number; readonly message: CollaborationMessage };

export interface Sources {
  readonly points: AsyncIterable<ShownPoints>;
  readonly alerts: AsyncIterable<Heard<ReplayAlert>>;
  readonly messages: AsyncIterable<Heard<CollaborationMessage>>;
}

const POINTS_AT_ONCE = 1_000;

/** Points that are shown within `togetherUs` may be one happening, at the time of the first. Reads one item of each source ahead. */
export async function* timelineOf(sources: Sources, togetherUs: number): AsyncGenerator<Happening> {
  await using points = new PointCursor(sources.points);
  await using alerts = new Cursor(sources.alerts);
  await using messages = new Cursor(sources.messages);
  for (;;) {
    const [pointMs, alertMs, messageMs] = [await points.atMs(), await alerts.atMs(), await messages.atMs()];
    const first = Math.min(pointMs, alertMs, messageMs);
    if (first === Infinity) return;
    if (pointMs === first) {
      yield { kind: "points", atMs: first, points: points.take(Math.min(alertMs, messageMs) * 1_000, togetherUs) };
    } else if (alertMs === first) yield { kind: "alert", atMs: first, alert: alerts.take() };
    else yield { kind: "message", atMs: first, message: messages.take() };
  }
}

class Cursor<T> implements AsyncDisposable {
  readonly #source: AsyncIterator<Heard<T>>;
  #ahead: IteratorResult<Heard<T>> | null = null;

  constructor(source: AsyncIterable<Heard<T>>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Of the next one; Infinity where there is none. */
  async atMs(): Promise<number> {
    this.#ahead ??= await this.#source.next();
    return this.#ahead.done ? Infinity : this.#ahead.value.atMs;
  }

  take(): T {
    const { what } = this.#ahead!.value as Heard<T>;
    this.#ahead = null;
    return what;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }
}

class PointCursor implements AsyncDisposable {
  readonly #source: AsyncIterator<ShownPoints>;
  #part: ShownPoints | null = null;
  #at = 0;

  constructor(source: AsyncIterable<ShownPoints>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async atMs(): Promise<number> {
    while (this.#part === null || this.#at === this.#part.shownUs.length) {
      const { done, value } = await this.#source.next();
      if (done) return Infinity;
      [this.#part, this.#at] = [value, 0];
    }
    return this.#part.shownUs[this.#at] / 1_000;
  }

  /** The next ones through `throughUs`, of one part. */
  take(throughUs: number, togetherUs: number): ShownPoints {
    const part = this.#part!;
    const from = this.#at;
    const untilUs = Math.min(throughUs + 0.5, part.shownUs[from] + Math.max(togetherUs, 1));
    this.#at = Math.min(Math.max(from + 1, firstAtOrAfter(part.shownUs, untilUs)), from + POINTS_AT_ONCE);
    return partOf(part, from, this.#at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.(undefined);
  }
}
