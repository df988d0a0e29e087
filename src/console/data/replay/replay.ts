/** A session once more: read into memory as fast as it comes, and played from there in any direction and speed. */
import { batch, computed, signal } from "@preact/signals";
import type { ReplayEvent } from "../../../wire/gen/collaboration_pb.ts";
import { ReplayView } from "../../../wire/gen/replay_pb.ts";
import type { MessageCipher } from "../../../wire/message-cipher.ts";
import { timestampOfMs } from "../../../wire/timestamp.ts";
import { collaborationApi } from "../../api.ts";
import { errorText } from "../../errors.ts";
import { messageCipherOf } from "../session-cipher.ts";
import { cipherFor } from "../session-keys.ts";
import { PlayHead } from "./play-head.ts";
import { ReplayBuffer } from "./replay-buffer.ts";
import { ReplayCursor } from "./replay-cursor.ts";
import { marksOf } from "./replay-marks.ts";

export const SPEEDS: readonly number[] = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 100, 300, 1_000];
const READING_SHOWN_EVERY_MS = 150;
export interface ReplayRequested {
  readonly sessionId: string;
  readonly view: "seen" | "now";
  /** Missing: where the server says that it begins. */
  readonly fromMs?: number;
  /** Missing: its beginning. */
  readonly atMs?: number;
}

export class Replay {
  readonly buffer = new ReplayBuffer();
  readonly #cursor = new ReplayCursor(this.buffer);
  /** Where one is. */
  readonly atMs = signal(NaN);
  /** The same, less often: for what is costly to draw. */
  readonly shownMs = signal(NaN);
  readonly isPlaying = signal(false);
  readonly speed = signal(10);
  /** Counts up as more is read. */
  readonly parts = signal(0);
  readonly isReading = signal(true);
  readonly failure = signal("");
  readonly marks = computed(() => {
    void this.parts.value;
    return marksOf(this.buffer);
  });
  readonly #over = new AbortController();
  #frame = 0;
  #head: PlayHead | undefined;

  /** How it stood then. */
  readonly state = computed(() => {
    void this.parts.value;
    return this.#cursor.seek(this.shownMs.value);
  });
  /** Where one is has not been read up to: it cannot be said how it stood. */
  readonly isAhead = computed(() => {
    void this.parts.value;
    return this.isReading.value && this.shownMs.value > this.buffer.readToMs;
  });

  constructor(requested: ReplayRequested) {
    void this.#read(requested);
  }

  close(): void {
    this.#over.abort();
    cancelAnimationFrame(this.#frame);
  }

  seek(atMs: number): void {
    const { fromMs, toMs } = this.buffer.range;
    if (Number.isNaN(fromMs)) return;
    const goalMs = Math.min(Math.max(fromMs, atMs), this.endMs ?? toMs);
    this.#head?.moveTo(goalMs);
    this.#show(goalMs, true);
  }

  /** The end of what is read, where there is more; undefined: all is read, or is being read. */
  get endMs(): number | undefined {
    return this.buffer.isWhole || this.isReading.peek() ? undefined : this.buffer.readToMs;
  }

  play(): void {
    const { fromMs, toMs } = this.buffer.range;
    if (Number.isNaN(fromMs)) return;
    if (this.atMs.peek() >= (this.endMs ?? toMs)) this.#show(fromMs, true);
    this.isPlaying.value = true;
    this.#head = new PlayHead(this.atMs.peek(), performance.now());
    const step = (nowMs: number) => {
      const { range, readToMs } = this.buffer;
      const bounds = { endMs: this.endMs ?? range.toMs, readToMs, isReading: this.isReading.peek() };
      const { atMs, isDue, isOver } = this.#head!.step(nowMs, this.speed.peek(), bounds);
      this.#show(atMs, isDue);
      if (isOver) this.pause();
      else this.#frame = requestAnimationFrame(step);
    };
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(step);
  }

  pause(): void {
    cancelAnimationFrame(this.#frame);
    this.isPlaying.value = false;
    this.shownMs.value = this.atMs.peek();
  }

  #show(atMs: number, isDue: boolean): void {
    batch(() => {
      this.atMs.value = atMs;
      if (isDue) this.shownMs.value = atMs;
    });
  }

  async #read({ sessionId, view, fromMs, atMs }: ReplayRequested): Promise<void> {
    const { signal: over } = this.#over;
    const reading = new AbortController();
    over.addEventListener("abort", () => reading.abort());
    const asked = {
      ...{ sessionId, speed: 0, view: view === "seen" ? ReplayView.AS_SEEN : ReplayView.AS_KNOWN_NOW },
      ...(fromMs !== undefined && { from: timestampOfMs(fromMs) }),
    };
    let toldMs = -Infinity;
    try {
      const cipher = messageCipherOf(await cipherFor(sessionId, over));
      for await (const event of collaborationApi.replaySession(asked, { signal: reading.signal })) {
        this.buffer.take(await openedEvent(event, cipher));
        if (this.buffer.isFull && !this.buffer.isWhole) reading.abort();
        const nowMs = performance.now();
        if (nowMs - toldMs < READING_SHOWN_EVERY_MS) continue;
        toldMs = nowMs;
        this.parts.value++;
        if (Number.isNaN(this.atMs.peek())) this.seek(atMs ?? this.buffer.range.fromMs);
      }
    } catch (error) {
      if (over.aborted) return;
      if (!this.buffer.isFull) this.failure.value = errorText(error);
    }
    batch(() => {
      this.parts.value++;
      this.isReading.value = false;
    });
    this.seek(Number.isNaN(this.atMs.peek()) ? (atMs ?? this.buffer.range.fromMs) : this.atMs.peek());
  }
}

async function openedEvent(event: ReplayEvent, cipher: MessageCipher): Promise<ReplayEvent> {
  const { case: kind, value } = event.event;
  if (kind !== "message" || value.messageType === "system") return event;
  return { ...event, event: { case: kind, value: await cipher.open(value) } };
}
