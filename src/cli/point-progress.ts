/** How far a command that moves points has come: a bar for people, a line at the end for everybody. */
import { SingleBar } from "cli-progress";

export interface ProgressShown {
  /** Of `total`, in any unit. */
  done(): number;
  points(): number;
  /** More to say, such as "3 refused". */
  notes?(): string;
}

/** A bar on stderr with points a second, where that is a terminal. */
export function showProgress(total: number, shown: ProgressShown): { stop(): void } {
  if (process.stderr.isTTY !== true) return { stop() {} };
  const startedAtMs = performance.now();
  const startPoints = shown.points();
  const format = "{bar} {percentage}%  {points} points  {rate}/s  {notes}";
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true });
  const payload = () => {
    const seconds = Math.max(0.001, (performance.now() - startedAtMs) / 1_000);
    const points = shown.points();
    return { points: grouped(points), rate: grouped((points - startPoints) / seconds), notes: shown.notes?.() ?? "" };
  };
  const most = Math.max(1, total);
  bar.start(most, Math.min(shown.done(), most), payload());
  const timer = setInterval(() => bar.update(Math.min(shown.done(), most), payload()), 200);
  return {
    stop() {
      clearInterval(timer);
      bar.stop();
    },
  };
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
