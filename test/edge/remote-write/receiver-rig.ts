/** A receiver in memory, which reads what it gets with the reader of the door. */
import type { Answer, Receiver } from "../../../src/edge/remote-write/receiver.ts";
import { WriteRequestReader } from "../../../src/ingestion/doors/write-request.ts";

export interface Sample {
  readonly series: string;
  readonly timeMs: number;
  readonly value: number;
}

export function samplesIn(bytes: Uint8Array): Sample[] {
  const samples: Sample[] = [];
  const reader = new WriteRequestReader(bytes, {
    sample: (labels, timeMs, value) => {
      const read = labels.read();
      if (typeof read === "string") throw new Error(read);
      samples.push({ series: read.map(([name, text]) => `${name}=${text}`).join(","), timeMs, value });
    },
    leftOut: (what) => {
      throw new Error(what);
    },
  });
  while (!reader.step(1_000));
  if (reader.failure !== undefined) throw new Error(reader.failure);
  return samples;
}

/** Requests are taken as a whole or not at all. */
export class MemoryReceiver {
  readonly taken: Sample[] = [];
  requests = 0;
  /** Undefined: it is taken. */
  judge: (samples: readonly Sample[]) => Answer | undefined = () => undefined;

  readonly receive: Receiver = async (bytes) => {
    this.requests++;
    const samples = samplesIn(bytes);
    const answer = this.judge(samples);
    if (answer !== undefined) return answer;
    this.taken.push(...samples);
    return { kind: "taken" };
  };

  /** As Prometheus is without an out-of-order window: nothing that is older than what it has of the series. */
  inOrderOnly(windowMs = 0): void {
    this.judge = (samples) => {
      const newestOfAll = Math.max(0, ...this.taken.map(({ timeMs }) => timeMs));
      const newest = new Map<string, Sample>();
      for (const sample of this.taken) {
        if ((newest.get(sample.series)?.timeMs ?? 0) <= sample.timeMs) newest.set(sample.series, sample);
      }
      for (const { series, timeMs } of samples) {
        const isLate = timeMs < (newest.get(series)?.timeMs ?? 0);
        if (isLate && timeMs < newestOfAll - windowMs)
          return { kind: "refused", reason: "HTTP 400: out of order sample" };
        if (windowMs === 0 && isLate) return { kind: "refused", reason: "HTTP 400: out of order sample" };
      }
      return undefined;
    };
  }
}
