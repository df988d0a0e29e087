import { expect, test } from "bun:test";
import fc from "fast-check";
import { SeriesBook, type HeardValue, type StoredSeries, type Wanted } from "../../src/console/data/series-book.ts";

const SEED = 11;
const KEYS = ["a", "b", "c"];

/** Stores points and tells of them as the server's live streams do: the value that stands, and how many came. */
class Server {
  readonly stored = new Map<string, Map<number, number>>();
  #windows = new Map<string, number>();

  put(key: string, timeMs: number, value: number): void {
    const points = this.stored.get(key) ?? new Map<number, number>();
    this.stored.set(key, points.set(timeMs, value));
    this.#windows.set(key, (this.#windows.get(key) ?? 0) + 1);
  }

  snapshot(): HeardValue[] {
    this.#windows.clear();
    return [...this.stored.keys()].map((key) => this.#valueOf(key, 0));
  }

  update(): HeardValue[] {
    const values = [...this.#windows].map(([key, points]) => this.#valueOf(key, points));
    this.#windows.clear();
    return values;
  }

  read(wanted: Wanted): StoredSeries[] {
    const fromMs = wanted.isWhole ? -Infinity : wanted.fromMs;
    return [...this.stored].flatMap(([key, points]) => {
      const found = inOrder(points).filter(([timeMs]) => timeMs >= fromMs);
      if (found.length === 0) return [];
      return [{ name: nameOf(key), points: { timesMs: found.map(([t]) => t), values: found.map(([, v]) => v) } }];
    });
  }

  #valueOf(key: string, points: number): HeardValue {
    const [timeMs, value] = inOrder(this.stored.get(key)!).at(-1)!;
    return { name: nameOf(key), timeMs, value, points };
  }
}

function nameOf(key: string) {
  return { key, label: key, metric: "m", source: key, tags: {}, device: key, unit: "" };
}

function inOrder(points: ReadonlyMap<number, number>): [number, number][] {
  return [...points].sort(([a], [b]) => a - b);
}

function contentOf(book: SeriesBook): Record<string, [number, number][]> {
  const entries = [...book.series].map(({ name, line }) => {
    return [name.key, [...line.timesMs].map((timeMs, i): [number, number] => [timeMs, line.values[i]])] as const;
  });
  return Object.fromEntries(entries);
}

/** Few times and values, so that points are replaced; breaks are rare, so that streams live long enough to be relied on. */
const put = fc.record({
  kind: fc.constant("put" as const),
  key: fc.constantFrom(...KEYS),
  timeMs: fc.integer({ min: 0, max: 12 }),
  value: fc.integer({ min: 0, max: 2 }),
});
const usual = fc.constantFrom("update", "update", "ask", "answer").map((kind) => ({ kind }) as const);
const rare = fc.constantFrom("break", "fail").map((kind) => ({ kind }) as const);
const step = fc.oneof({ weight: 10, arbitrary: put }, { weight: 20, arbitrary: usual }, { weight: 1, arbitrary: rare });

test("in whatever order values, answers, broken streams and late points come, the line is what is stored, each point once", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const server = new Server();
      const book = new SeriesBook(50, 1_000);
      let isFollowed = false;
      let asked: Wanted | undefined;
      /** Of the moment when the server answered, which may be long before it arrives. */
      let answer: StoredSeries[] = [];
      const ask = () => {
        asked = book.wanted();
        if (asked === undefined) return;
        book.ask(asked);
        answer = server.read(asked);
      };
      const arrive = () => {
        book.answer(answer);
        asked = undefined;
      };
      const hear = () => {
        if (isFollowed) book.hear(server.update());
        else book.begin(server.snapshot(), true);
        isFollowed = true;
      };
      for (const step of steps) {
        if (step.kind === "put") server.put(step.key, step.timeMs, step.value);
        else if (step.kind === "update") hear();
        else if (step.kind === "break") isFollowed = false;
        else if (step.kind === "ask" && asked === undefined) ask();
        else if (step.kind === "answer" && asked !== undefined) arrive();
        else if (step.kind === "fail" && asked !== undefined) {
          book.fail();
          asked = undefined;
        }
      }
      hear();
      for (let i = 0; i < 10 && (asked ?? book.wanted()) !== undefined; i++) {
        if (asked === undefined) ask();
        arrive();
      }
      expect(book.wanted()).toBeUndefined();
      const expected = Object.fromEntries([...server.stored].map(([key, points]) => [key, inOrder(points)]));
      expect(contentOf(book)).toEqual(expected);
    }),
    { seed: SEED, numRuns: 4_000 },
  );
});

test("a value each second is taken as it comes: nothing is read again for it", () => {
  const server = new Server();
  const book = new SeriesBook(50, 1_000);
  server.put("a", 0, 1);
  book.ask(book.wanted()!);
  book.answer(server.read({ isWhole: true }));
  book.begin(server.snapshot(), false);
  for (let second = 1; second < 100; second++) {
    server.put("a", second * 1_000, second);
    book.hear(server.update());
    expect(book.wanted()).toBeUndefined();
  }
  expect(contentOf(book)["a"]).toHaveLength(100);
});

test("of several in a second the end is read again, of a late one all", () => {
  const server = new Server();
  const book = new SeriesBook(50, 1_000);
  server.put("a", 1_000, 1);
  book.ask(book.wanted()!);
  book.answer(server.read({ isWhole: true }));
  book.begin(server.snapshot(), false);
  server.put("a", 2_000, 2);
  server.put("a", 2_500, 3);
  book.hear(server.update());
  expect(book.wanted()).toEqual({ isWhole: false, fromMs: 1_000 });
  book.ask(book.wanted()!);
  book.answer(server.read({ isWhole: false, fromMs: 1_000 }));
  expect(book.wanted()).toBeUndefined();
  server.put("a", 500, 4);
  book.hear(server.update());
  book.ask(book.wanted()!);
  book.answer(server.read({ isWhole: false, fromMs: 2_500 }));
  expect(book.wanted()).toEqual({ isWhole: true });
});

test("a series that is gone leaves, and the others keep their places", () => {
  const book = new SeriesBook(50, 1_000);
  const stored = (keys: string[]) => keys.map((key) => ({ name: nameOf(key), points: { timesMs: [1], values: [1] } }));
  book.ask({ isWhole: true });
  book.answer(stored(["b", "c"]));
  book.ask({ isWhole: true });
  book.answer(stored(["a", "c"]));
  expect([...book.series].map(({ name }) => name.key)).toEqual(["c", "a"]);
});
