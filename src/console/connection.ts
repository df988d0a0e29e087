/** Whether what the page shows is still true: every stream that is broken is known here, and for how long. */
import { computed, signal } from "@preact/signals";

interface Break {
  readonly sinceMs: number;
  readonly reason: string;
}

const breaks = signal<ReadonlyMap<object, Break>>(new Map());

/** The break that is longest; undefined: all streams run. */
export const broken = computed<Break | undefined>(() => {
  return [...breaks.value.values()].sort((a, b) => a.sinceMs - b.sinceMs)[0];
});

export function streamBroke(stream: object, reason: string): void {
  const sinceMs = breaks.value.get(stream)?.sinceMs ?? Date.now();
  breaks.value = new Map(breaks.value).set(stream, { sinceMs, reason });
}

export function streamRuns(stream: object): void {
  if (!breaks.value.has(stream)) return;
  const others = new Map(breaks.value);
  others.delete(stream);
  breaks.value = others;
}
