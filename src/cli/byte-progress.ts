/** A progress bar over bytes, on a terminal; nothing elsewhere. */
import { SingleBar } from "cli-progress";
import { formatByteSize } from "../model/byte-size.ts";

export interface ByteProgress {
  start(bytesTotal: number): void;
  add(bytes: number): void;
  stop(): void;
}

export function byteProgress(): ByteProgress {
  if (process.stderr.isTTY !== true) return { start() {}, add() {}, stop() {} };
  const startedAtMs = performance.now();
  let bytes = 0;
  let total = 1;
  const payload = () => ({
    done: formatByteSize(bytes),
    all: formatByteSize(total),
    rate: formatByteSize(bytes / Math.max(0.001, (performance.now() - startedAtMs) / 1_000)),
  });
  const format = `{bar} {percentage}%  {done} of {all}  {rate}/s`;
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true });
  return {
    start(bytesTotal) {
      total = Math.max(1, bytesTotal);
      bar.start(total, 0, payload());
    },
    add(more) {
      bytes += more;
      bar.update(Math.min(bytes, total), payload());
    },
    stop: () => bar.stop(),
  };
}
