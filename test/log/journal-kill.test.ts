/** kill -9 in the middle of appending, again and again: what was acknowledged is there, under the number it was given. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { runToEnd } from "../../src/store/slice.ts";
import { verifyDirectory } from "../../src/store/verify.ts";
import { randomOf } from "../support/random.ts";
import { tempDir } from "../support/server-process.ts";
import { openJournal } from "./journal-rig.ts";

const CHILD = join(import.meta.dir, "journal-process.ts");
const ROUNDS = 8;

/** What a child was told before it was killed, payload by position. */
async function appendUntilKilled(dir: string, name: string, waitMs: number): Promise<[number, string][]> {
  const child = Bun.spawn([process.execPath, CHILD, dir, name], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let text = decoder.decode((await reader.read()).value, { stream: true });
  setTimeout(() => child.kill("SIGKILL"), waitMs);
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += decoder.decode(next.value, { stream: true });
  }
  await child.exited;
  const lines = text.slice(0, text.lastIndexOf("\n")).split("\n");
  return lines.map((line) => [Number.parseInt(line, 10), line.slice(line.indexOf(" ") + 1)]);
}

test("kill -9, many times", async () => {
  using dir = tempDir("journal");
  const random = randomOf(20_261_128);
  const acked = new Map<number, string>();
  let epoch: number | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [position, payload] of await appendUntilKilled(dir.path, `r${round}`, 5 + random() * 120)) {
      expect(acked.has(position)).toBe(false);
      acked.set(position, payload);
    }
    const damage: string[] = [];
    runToEnd(verifyDirectory(dir.path, (sentence) => damage.push(sentence)));
    expect(damage).toEqual([]);
    await using open = await openJournal(dir.path);
    expect(open.opened.unclean).toBe(true);
    expect(open.journal.epoch).toBe((epoch ??= open.journal.epoch));
    const entries = await open.journal.read({ after: 0, limit: Infinity });
    const found = new Map(entries.map(({ position, payload }) => [position, payload]));
    for (const [position, payload] of acked) expect([position, found.get(position)]).toEqual([position, payload]);
    // Each document is what the last event that is there has made it.
    const last = new Map(entries.map(({ subject, payload }) => [subject, payload]));
    const documents = await open.journal.documents({ collection: "writers", limit: 99 });
    expect(new Map(documents.map(({ key, value }) => [key, value]))).toEqual(last);
    expect(open.journal.lastPosition).toBe(entries.at(-1)!.position);
  }
  expect(acked.size).toBeGreaterThan(ROUNDS * 6);
}, 120_000);
