/**
 * A process that seals and merges while its disk fails, and says as JSON how that went:
 * `fault-process.ts full DIR` fills the file system of DIR itself; `fault-process.ts io DIR` has system calls failing
 * under it. Everything it was given must be there all the time, and after reopening.
 */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Model, NOVEMBER_US, openStore, plain, randomOf, recordOf, type Opened, type Point } from "./harness.ts";

export interface FaultReport {
  readonly trouble: readonly string[];
  readonly damage: readonly string[];
  readonly wrong: readonly string[];
  readonly sealedSeq: number;
  /** Points that are stored and those that were given, each counted as often as it is there. */
  readonly stored: number;
  readonly given: number;
  readonly files: readonly string[];
}

const SERIES = 20;
const seriesIds = Uint32Array.from({ length: SERIES }, (_, i) => i + 1);
const [mode, dir] = process.argv.slice(2);
const filler = join(dir, "filler");
const random = randomOf(3);
const model = new Model();
const wrong: string[] = [];
const trouble: string[] = [];
const damage: string[] = [];
let seq = 0;
let given = 0;

function absorb(open: Opened, count: number): void {
  const points: Point[] = [];
  for (let i = 0; i < count; i++) {
    points.push([seriesIds[Math.floor(random() * SERIES)], NOVEMBER_US + Math.floor(random() * 1e6) * 1e6, random()]);
  }
  model.write(points);
  given += count;
  open.store.absorb(recordOf(++seq, points));
}

function check(open: Opened, when: string): void {
  const query = { seriesIds, fromUs: 0, toUs: 2 ** 53, stepUs: 0, pointsMax: 1e9 };
  if (!Bun.deepEquals(plain(open.range(query)), model.range(query))) wrong.push(when);
}

function collect(open: Opened): void {
  trouble.push(...open.trouble.splice(0));
  damage.push(...open.opened.damage, ...open.damage.splice(0));
}

/** Time goes on until nothing waits. */
function untilSealed(open: Opened): void {
  for (let i = 0; i < 20 && (open.sealed.at(-1) ?? -1) < seq; i++) {
    open.clock.advance(60_000);
    open.settle();
    check(open, `after try ${i}`);
  }
}

function sealed(open: Opened, when: string): void {
  open.seal();
  check(open, when);
  untilSealed(open);
}

function reopened(open: Opened): Opened {
  collect(open);
  open.store.close();
  return openStore({ dir });
}

/** Takes what is free but about `bytes`. */
function fillDisk(bytes: number): void {
  for (const size of [1 << 20, 64 << 10, 4 << 10]) {
    for (let i = 0; ; i++) {
      try {
        writeFileSync(`${filler}-${size}-${i}`, new Uint8Array(size));
      } catch {
        break;
      }
    }
  }
  const smallest = readdirSync(dir).filter((name) => name.startsWith("filler-4096-"));
  for (const name of smallest.slice(0, bytes / 4096)) rmSync(join(dir, name));
}

function freeDisk(): void {
  for (const name of readdirSync(dir)) if (name.startsWith("filler")) rmSync(join(dir, name));
}

function fullDisk(): Opened {
  let open = openStore({ dir });
  fillDisk(0);
  absorb(open, 2000);
  open.seal();
  check(open, "no room for a file");
  freeDisk();
  untilSealed(open);
  for (const room of [0, 4096, 16_384, 32_768]) {
    absorb(open, 4000);
    fillDisk(room);
    open.seal();
    check(open, `room for ${room} bytes`);
    absorb(open, 500);
    freeDisk();
    sealed(open, "room again");
  }
  open = reopened(open);
  check(open, "reopened");
  fillDisk(8192);
  open.compact();
  check(open, "merging without room");
  freeDisk();
  open.clock.advance(60_000);
  open.compact();
  return open;
}

function failingCalls(): Opened {
  const open = openStore({ dir });
  for (let i = 0; i < 6; i++) {
    absorb(open, 500);
    sealed(open, `seal ${i}`);
  }
  for (let i = 0; i < 4; i++) {
    open.clock.advance(60_000);
    open.compact();
    check(open, `merge ${i}`);
  }
  return open;
}

let open = mode === "full" ? fullDisk() : failingCalls();
check(open, "at the end");
const sealedSeq = open.sealed.at(-1) ?? (open.store.stats().headPoints === 0 ? seq : -1);
open = reopened(open);
check(open, "reopened at the end");
collect(open);
const { headPoints, chunkPoints } = open.store.stats();
const stored = headPoints + chunkPoints;
const files = readdirSync(dir);
const report: FaultReport = {
  stored,
  given,
  trouble,
  damage,
  wrong,
  sealedSeq: sealedSeq === seq ? 0 : sealedSeq - seq,
  files,
};
console.log(JSON.stringify(report));
