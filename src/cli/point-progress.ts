/** How far a command that moves points has come: a bar for people, a line at the end for everybody. */
import { SingleBar } from "cli-progress";

export interface ProgressShown {
  /** Of `total`, in any unit. */
  done(): number;
  points(): number;
  /** More to say, such as "3 refused". */
  notes?(): string;
}

export interface Progress {
  /** Does what prints on stderr, with the bar out of its way. */
  aside(print: () => void): void;
  stop(): void;
}

/** A bar on stderr with points a second, where that is a terminal. */
export function showProgress(total: number, shown: ProgressShown): Progress {
  if (process.stderr.isTTY !== true) return { aside: (print) => print(), stop() {} };
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
  const start = () => bar.start(most, Math.min(shown.done(), most), payload());
  start();
  const timer = setInterval(() => bar.update(Math.min(shown.done(), most), payload()), 200);
  return {
    aside(print) {
      const goesOn = bar.isActive;
      bar.stop();
      print();
      if (goesOn) start();
    },
    stop() {
      clearInterval(timer);
      bar.stop();
    },
  };
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
