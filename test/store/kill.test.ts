/** A store that is killed while it seals and merges has every acked point once when it is opened again. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Model, openStore, plain, randomOf } from "./harness.ts";
import { nextSeqOf, pointsOf, segmentsIn, SERIES } from "./kill-process.ts";
import { tempDir } from "../support/server-process.ts";

const CHILD = join(import.meta.dir, "kill-process.ts");
const ROUNDS = 12;
const ACKS_MAX = 400;

/** Runs the child until it has acked about `acks` records, kills it, and returns the last one acked. */
async function runAndKill(dir: string, seed: number, acks: number): Promise<number> {
  const child = Bun.spawn([process.execPath, CHILD, dir, String(seed)], { stdout: "pipe", stderr: "pipe" });
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (text.split("\n").length > acks) child.kill("SIGKILL");
  }
  await child.exited;
  if (child.signalCode !== "SIGKILL") throw new Error(`the child ended by itself: ${await child.stderr.text()}`);
  return Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1)!.slice("acked ".length));
}

test(`killed ${ROUNDS} times: every acked point once`, async () => {
  using folder = tempDir("store");
  const random = randomOf(8);
  const seriesIds = Uint32Array.from({ length: SERIES }, (_, i) => i + 1);
  const model = new Model();
  let known = 0;
  let points = 0;
  let sealedSometimes = false;
  for (let round = 0; round < ROUNDS; round++) {
    const acked = await runAndKill(folder.path, round, 1 + Math.floor(random() * ACKS_MAX));
    using open = openStore({ dir: folder.path, segments: segmentsIn(folder.path) });
    expect(open.opened.damage).toEqual([]);
    const taken = nextSeqOf(folder.path, open.store.stats().absorbedSeq) - 1;
    expect(taken).toBeGreaterThanOrEqual(acked);
    for (; known < taken; known++) {
      model.write(pointsOf(known + 1));
      points += pointsOf(known + 1).length;
    }
    // What is sealed is not taken from the log again.
    const { headPoints, chunkPoints } = open.store.stats();
    expect(headPoints + chunkPoints).toBe(points);
    expect(open.opened.replayedPoints).toBe(headPoints);
    const found = plain(open.range({ seriesIds }));
    expect(found.flat().length).toBe(points);
    expect(found).toEqual([...seriesIds].map((id) => model.points(id, 0, Infinity)));
    sealedSometimes ||= open.opened.replayedPoints < points;
    if (round % 3 !== 2) continue;
    open.seal();
    open.compact();
    // Each write once: a point that is there twice would be counted twice.
    expect(open.store.stats().chunkPoints).toBe(points);
    expect(plain(open.range({ seriesIds }))).toEqual(found);
  }
  expect(sealedSometimes).toBe(true);
}, 120_000);
