/** Starts senders as processes of their own, lets them begin together, and collects what they report. */
import { join } from "node:path";
import { killAtExit } from "./cleanup.ts";
import type { SenderConfig, SenderProgress, SenderResult } from "./sender.ts";

export interface ChildReports<R> {
  readonly pid: number;
  /** Resolves when the child has said that it is ready. */
  readonly ready: Promise<void>;
  readonly result: Promise<R>;
  go(): void;
  kill(): void;
}

/**
 * A child of this bench that says {"ready":true}, waits for a line, and ends with {"result":…}; other lines go to
 * `onOther`. Rejects when it ends without a result.
 */
export function startChild<R>(script: string, config: unknown, onOther?: (line: unknown) => void): ChildReports<R> {
  const command = [process.execPath, join(import.meta.dir, script), JSON.stringify(config)];
  const child = killAtExit(Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" }));
  const ready = Promise.withResolvers<void>();
  const result = Promise.withResolvers<R>();
  ready.promise.catch(() => {});
  result.promise.catch(() => {});
  void (async () => {
    for await (const line of linesOf(child.stdout)) {
      const report = JSON.parse(line) as { ready?: true; result?: R };
      if (report.ready) ready.resolve();
      else if (report.result !== undefined) result.resolve(report.result);
      else onOther?.(report);
    }
    const error = new Error(`${script} ended with code ${await child.exited} and without a result`);
    ready.reject(error);
    result.reject(error);
  })();
  return {
    pid: child.pid,
    ready: ready.promise,
    result: result.promise,
    go() {
      child.stdin.write("go\n");
      void child.stdin.flush();
    },
    kill: () => child.kill("SIGKILL"),
  };
}

export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== "") yield rest;
}

export interface Load {
  /** Acknowledged points of all senders, and the seconds of the slowest. */
  readonly points: number;
  readonly batches: number;
  readonly refused: number;
  readonly seconds: number;
  readonly senderCpuSeconds: number;
  readonly results: readonly SenderResult[];
}

export interface SenderGroup {
  run(): Promise<Load>;
  /** Before their time. */
  kill(): void;
}

/** As many senders as there are parts of the series, ready to begin. */
export async function startSenders(
  config: Omit<SenderConfig, "seriesFrom" | "seriesTo" | "seed">,
  series: number,
  senders: number,
  onProgress?: (progress: SenderProgress, sender: number) => void,
): Promise<SenderGroup> {
  const children = Array.from({ length: senders }, (_, i) => {
    const part: SenderConfig = {
      ...config,
      ...(config.points === undefined ? {} : { points: config.points / senders }),
      ...(config.rate === undefined ? {} : { rate: config.rate / senders }),
      seriesFrom: Math.floor((series * i) / senders),
      seriesTo: Math.floor((series * (i + 1)) / senders),
      seed: i + 1,
    };
    return startChild<SenderResult>("sender.ts", part, (line) => onProgress?.(line as SenderProgress, i));
  });
  await Promise.all(children.map(({ ready }) => ready));
  return {
    kill: () => children.forEach((child) => child.kill()),
    async run() {
      for (const child of children) child.go();
      try {
        const results = await Promise.all(children.map(({ result }) => result));
        const sum = (of: (result: SenderResult) => number) => results.reduce((total, result) => total + of(result), 0);
        return {
          points: sum((result) => result.points),
          batches: sum((result) => result.batches),
          refused: sum((result) => result.refused),
          seconds: Math.max(...results.map((result) => result.seconds)),
          senderCpuSeconds: sum((result) => result.cpuSeconds),
          results,
        };
      } finally {
        for (const child of children) child.kill();
      }
    },
  };
}
