/** Simulated devices at work: each with a stream of its own, which loses nothing. */
import { encodeBatch, type Batch } from "../../client/batch.ts";
import type { Connection, Retry } from "../../client/connection.ts";
import { uploadAll, type UploadProgress } from "../../client/upload.ts";
import type { Fleet, Scenario } from "../../simulate/fleet.ts";
import { clamp } from "../../simulate/signals.ts";
import { SimulatedDevice, type Span } from "../../simulate/simulated-device.ts";
import type { Ledger } from "./ledger.ts";

/** Unanswered readings of all devices together: what an outage piles up here. */
const UNANSWERED_MAX = 1_000_000;
const [UNANSWERED_OF_DEVICE_MIN, UNANSWERED_OF_DEVICE_MAX] = [100, 5_000];
const TIMER_MS_MAX = 60_000;

export interface FleetsRun {
  readonly scenario: Scenario;
  readonly span: Span;
  readonly ledger: Ledger;
  /** A new connection for devices of a fleet; closed here. */
  connect(fleet: Fleet): Connection;
  /** Devices that share one. */
  readonly streamsPerConnection: number;
  /** Ends the readings; what was sent is still waited for. */
  readonly stop: AbortSignal;
  /** Ends everything. */
  readonly cut: AbortSignal;
  onRetry(retry: Retry): void;
}

/** Resolves when all devices are done and what they sent is answered; rejects with what cannot be tried again. */
export async function runFleets(run: FleetsRun): Promise<void> {
  const { scenario, span, streamsPerConnection } = run;
  const failed = new AbortController();
  const stop = AbortSignal.any([run.stop, failed.signal]);
  const cut = AbortSignal.any([run.cut, failed.signal]);
  const total = scenario.fleets.reduce((sum, { devices }) => sum + devices, 0);
  const unansweredMax = clamp(UNANSWERED_MAX / total, UNANSWERED_OF_DEVICE_MIN, UNANSWERED_OF_DEVICE_MAX);
  const connections: Connection[] = [];
  const sendings: Promise<void>[] = [];
  for (const fleet of scenario.fleets) {
    let connection: Connection | undefined;
    for (let i = 0; i < fleet.devices; i++) {
      if (connection === undefined || i % streamsPerConnection === 0) {
        connections.push((connection = run.connect(fleet)));
      }
      const device = new SimulatedDevice(fleet, i, scenario.seed, span);
      const sending = sendAll(device, connection, { ...run, stop, cut, unansweredMax });
      sendings.push(sending);
      sending.catch(() => failed.abort());
    }
  }
  try {
    const ended = await Promise.allSettled(sendings);
    if (run.cut.aborted) return;
    // Those that were ended by the failure of another come after it or say that they were cancelled.
    const failures = ended.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    const failure = failures.find((each) => (each as { status?: string }).status !== "CANCELLED") ?? failures[0];
    if (failure !== undefined) throw failure;
  } finally {
    for (const connection of connections) connection.close();
  }
}

interface Unanswered {
  readonly readings: number;
  readonly isRepeat: boolean;
  readonly sentAtMs: number;
}

async function sendAll(
  device: SimulatedDevice,
  connection: Connection,
  { ledger, stop, cut, onRetry, unansweredMax }: FleetsRun & { readonly unansweredMax: number },
): Promise<void> {
  const unanswered: Unanswered[] = [];
  let readingsUnanswered = 0;
  let before: UploadProgress = { batches: 0, points: 0, pointsFailed: 0, refused: [] };
  let wake = () => {};

  async function* batches(): AsyncGenerator<Batch, void> {
    for (let sending = device.next(); sending !== undefined; sending = device.next()) {
      await until(sending.dueUs, stop);
      if (sending.readings.length === 0) {
        // Of the past there may be years of silence, for which nothing is waited for.
        await nextTurn();
        if (stop.aborted) return;
        continue;
      }
      // A device keeps what it cannot send; here it is made when there is room.
      while (readingsUnanswered >= unansweredMax && !stop.aborted) await woken();
      if (stop.aborted) return;
      const { readings, isRepeat } = sending;
      unanswered.push({ readings: readings.length, isRepeat, sentAtMs: performance.now() });
      readingsUnanswered += readings.length;
      ledger.onSent(sending);
      yield encodeBatch(readings, device.identity.source);
    }
  }

  function woken(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        stop.removeEventListener("abort", done);
        resolve();
      };
      wake = done;
      stop.addEventListener("abort", done);
    });
  }

  function onProgress(progress: UploadProgress): void {
    const nowMs = performance.now();
    const answered = unanswered.splice(0, progress.batches - before.batches);
    for (const [i, { readings, isRepeat, sentAtMs }] of answered.entries()) {
      const refused = isRepeat ? progress.refused.filter(({ batch }) => batch === before.batches + i).length : 0;
      ledger.onBatchAnswered(readings, isRepeat, refused, nowMs - sentAtMs);
      readingsUnanswered -= readings;
    }
    const reasons = progress.refused.map(({ reason }) => reason);
    ledger.onAnswer(progress.points - before.points, progress.pointsFailed - before.pointsFailed, reasons);
    before = progress;
    wake();
  }

  await uploadAll(connection, batches(), {
    signal: cut,
    onProgress,
    onRetry(retry) {
      ledger.reconnects++;
      onRetry(retry);
    },
  });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Resolves at a time of the wall clock, or when `signal` aborts. */
async function until(timeUs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const leftMs = timeUs / 1_000 - Date.now();
    if (leftMs <= 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, Math.min(leftMs, TIMER_MS_MAX));
      signal.addEventListener("abort", done);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      }
    });
  }
}
