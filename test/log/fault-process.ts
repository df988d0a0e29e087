/**
 * `fault-process.ts DIR`: a log that is written, released and closed while its disk fails, as the committer does it, and
 * opened again. Says as JSON what was taken and what was found.
 */
import { Log } from "../../src/log/log.ts";
import { readSegment, recordOf } from "./harness.ts";

export interface LogFaultReport {
  /** Sequences whose append did not fail, released ones left out. */
  readonly taken: readonly number[];
  /** Sequences that are there after opening again. */
  readonly found: readonly number[];
  /** Series of taken records, released ones too, that are not known after opening again. */
  readonly seriesMissing: readonly number[];
  readonly damage: readonly string[];
  /** What failed, in words. */
  readonly trouble: readonly string[];
}

const RECORDS = 65;
const TRIES = 20;
const [dir] = process.argv.slice(2);
const options = { dir, segmentBytesMax: 4_096 };
const trouble: string[] = [];
const taken: number[] = [];
const series: number[] = [];

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    trouble.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function insist<T>(what: string, run: () => T): T {
  for (let i = 0; i < TRIES; i++) {
    const result = attempt(run);
    if (result !== undefined) return result;
  }
  throw new Error(`${what} failed ${TRIES} times: ${trouble.at(-1)}`);
}

function write(log: Log): void {
  let seq = 0;
  for (let i = 0; i < RECORDS; i++) {
    const id = seq + 1;
    const values = new Array<number>(40).fill(i);
    if (attempt(() => (log.append(recordOf(seq, values, [{ id, key: `m${id}\0s` }])), true))) {
      taken.push(seq++);
      series.push(id);
    } else {
      seq = insist("reopening", () => log.reopen());
    }
    if (i % 10 !== 9) continue;
    const through = taken[Math.floor(taken.length / 2)];
    if (attempt(() => (log.release(through), true))) taken.splice(0, taken.indexOf(through) + 1);
  }
  attempt(() => log.close());
}

write(insist("opening", () => Log.open(options).log));
const { log, opened } = insist("opening again", () => Log.open(options));
const segments = opened.segments.map(readSegment);
const known = new Set(opened.series.map(({ id }) => id));
const report: LogFaultReport = {
  taken,
  found: segments.flatMap(({ records }) => records.map(({ seq }) => seq)),
  seriesMissing: series.filter((id) => !known.has(id)),
  damage: [...opened.damage, ...segments.flatMap(({ damage }) => damage)],
  trouble,
};
attempt(() => log.close());
console.log(JSON.stringify(report));
