/** Random appends, changes, trims, reads, crashes and restarts against a list and a map. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { WatchpostError } from "../../src/model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent, StoredDocument } from "../../src/model/journal.ts";
import { tempDir } from "../support/server-process.ts";
import { openJournal, type OpenJournal } from "./journal-rig.ts";

const text = fc.constantFrom("a", "b", "é", "\u{1f642}", "\uffff", "", "a\0");
const event: fc.Arbitrary<JournalEvent> = fc.record({
  atMs: fc.integer(),
  kind: text,
  subject: text,
  actor: fc.string({ unit: "grapheme", maxLength: 5 }),
  payload: fc.string({ unit: "grapheme", maxLength: 20 }),
});
const change: fc.Arbitrary<DocumentChange> = fc.record({
  collection: fc.constantFrom("alerts", "rules"),
  key: text,
  sort: fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
  value: fc.option(fc.json({ maxDepth: 1 })),
});
const append = fc.record({ events: fc.array(event, { maxLength: 4 }), changes: fc.array(change, { maxLength: 4 }) });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("append" as const), appends: fc.array(append, { maxLength: 5 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("refuse" as const), append, at: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("read" as const), at: fc.nat(), limit: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trim" as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("restart" as const, "crash" as const) }) },
);

/** No table takes it. */
const WITHOUT_KEY: DocumentChange = { collection: "alerts", key: "x", sort: 0, value: undefined as unknown as string };

/** What the journal must hold. */
class Model {
  entries: JournalEntry[] = [];
  readonly documents = new Map<string, StoredDocument>();
  trimmedThrough = 0;
  last = 0;

  take(entries: readonly JournalEntry[], changes: readonly DocumentChange[]): void {
    for (const entry of entries) {
      expect(entry.position).toBeGreaterThan(this.last);
      this.last = entry.position;
      this.entries.push(entry);
    }
    for (const { value, ...rest } of changes) {
      const id = JSON.stringify([rest.collection, rest.key]);
      if (value === null) this.documents.delete(id);
      else this.documents.set(id, { ...rest, sort: rest.sort + 0, value });
    }
  }

  trim(through: number): void {
    this.trimmedThrough = Math.max(this.trimmedThrough, through);
    this.entries = this.entries.filter(({ position }) => position > through);
  }

  of(collection: string): StoredDocument[] {
    const found = [...this.documents.values()].filter((document) => document.collection === collection);
    return found.sort((a, b) => a.sort - b.sort || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }
}

async function compare({ journal, damage }: OpenJournal, model: Model): Promise<void> {
  expect(await journal.read({ after: 0, limit: 9_999 })).toEqual(model.entries);
  for (const collection of ["alerts", "rules"]) {
    const wanted = model.of(collection);
    expect(await journal.documents({ collection, limit: 9_999 })).toEqual(wanted);
    expect(await journal.documents({ collection, limit: 9_999, descending: true })).toEqual(wanted.toReversed());
  }
  expect([journal.lastPosition, journal.firstPosition]).toEqual([model.last, model.trimmedThrough + 1]);
  for (const { position } of model.entries) expect(journal.positionOf(journal.cursorOf(position))).toBe(position);
  for (const position of [model.trimmedThrough - 1, model.last + 1]) {
    if (position >= 0) expect(() => journal.positionOf(journal.cursorOf(position))).toThrow(WatchpostError);
  }
  expect(damage).toEqual([]);
}

test("holds what was appended and nothing else, whatever comes between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      using dir = tempDir("journal");
      const model = new Model();
      let [data, crashes] = [join(dir.path, "0"), 0];
      let open = await openJournal(data);
      const { epoch } = open.journal;
      const heard: JournalEntry[] = [];
      const listen = () => open.journal.follow((entries) => heard.push(...entries));
      listen();
      for (const one of steps) {
        if (one.do === "append") {
          const done = one.appends.map(({ events, changes }) => open.journal.append(events, changes));
          for (const [i, { events, changes }] of one.appends.entries()) {
            const entries = await done[i];
            expect(entries.map(({ position: _, ...rest }) => rest)).toEqual(events);
            model.take(entries, changes);
          }
        } else if (one.do === "refuse") {
          const { events, changes } = one.append;
          // Refused in the middle of the transaction.
          const place = one.at % (changes.length + 1);
          const wrong = [...changes.slice(0, place), WITHOUT_KEY, ...changes.slice(place)];
          const refused = await open.journal.append(events, wrong).catch((error: unknown) => error);
          expect(refused).toMatchObject({ status: "UNAVAILABLE" });
        } else if (one.do === "read") {
          const after = one.at % (model.last + 2);
          const wanted = model.entries.filter(({ position }) => position > after).slice(0, one.limit);
          expect(await open.journal.read({ after, limit: one.limit })).toEqual(wanted);
        } else if (one.do === "trim") {
          const through = one.at % (model.last + 1);
          await open.journal.trim(through);
          if (through > 0) model.trim(through);
        } else {
          const before = data;
          if (one.do === "crash") cpSync(before, (data = join(dir.path, String(++crashes))), { recursive: true });
          await open[Symbol.asyncDispose]();
          open = await openJournal(data);
          listen();
        }
        await compare(open, model);
        expect(open.journal.epoch).toBe(epoch);
      }
      expect(heard.filter(({ position }) => position > model.trimmedThrough)).toEqual(model.entries);
      await open[Symbol.asyncDispose]();
    }),
    { numRuns: 40 },
  );
}, 180_000);
