/** How streams are followed, with a server and a clock of the test's own. */
import { Code, ConnectError, type CallOptions } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { followStream, resumed } from "../../src/console/stream-follower.ts";

let states: string[] = [];
let opened: { atMs: number; options: CallOptions; end: PromiseWithResolvers<never> }[] = [];
let stop = () => {};

beforeEach(() => {
  jest.useFakeTimers();
  [states, opened] = [[], []];
});

afterEach(async () => {
  stop();
  await settle();
  jest.useRealTimers();
});

/** Whatever is due by now, promises among it. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

/** In steps: what is due sets timers of its own. */
async function pass(ms: number): Promise<void> {
  await settle();
  for (let left = ms; left > 0; left -= 50) {
    jest.advanceTimersByTime(Math.min(50, left));
    await settle();
  }
}

/** Each opening hears what `says` yields, and then nothing until the test ends it. */
function begin(says: (options: CallOptions, i: number) => AsyncIterable<string>): string[] {
  const heard: string[] = [];
  const means = {
    up: async () => {},
    isUp: () => true,
    unheardReason: () => "not answered",
    onBroke: (_: object, reason: string) => void states.push(reason),
    onRuns: () => void states.push("runs"),
  };
  const open = async function* (options: CallOptions) {
    const end = Promise.withResolvers<never>();
    end.promise.catch(() => {});
    options.signal!.addEventListener("abort", () => end.reject(new ConnectError("left", Code.Canceled)));
    opened.push({ atMs: Date.now(), options, end });
    yield* says(options, opened.length - 1);
    yield await end.promise;
  };
  stop = followStream(means, open, (message) => {
    if (message === "bad") throw new Error("cannot be shown");
    heard.push(message);
  });
  return heard;
}

async function* nothing(): AsyncGenerator<string> {}

test("a stream runs from its first message on, or a moment after its head; one that never answers does not", async () => {
  const heard = begin(async function* (options, i) {
    if (i === 0) yield "a";
    if (i === 1) options.onHeader!(new Headers());
  });
  await pass(0);
  expect([heard, states]).toEqual([["a"], ["runs"]]);
  opened[0].end.reject(new Error("broken"));
  await pass(999);
  expect([opened.length, states]).toEqual([2, ["runs", "broken"]]);
  await pass(1_000);
  expect(states).toEqual(["runs", "broken", "runs"]);
  opened[1].end.reject(new Error("again"));
  await pass(1_500);
  expect(opened.length).toBe(3);
  await pass(60_000);
  expect(states).toEqual(["runs", "broken", "runs", "again", "not answered"]);
  expect(opened.length).toBe(3);
});

test("a server that refuses, with a head or a message before or late, is asked after pauses that grow", async () => {
  for (const refuse of [
    async function* (options: CallOptions) {
      options.onHeader!(new Headers());
    },
    async function* (options: CallOptions) {
      yield "a";
      options.onHeader!(new Headers());
    },
    nothing,
  ]) {
    opened = [];
    states = [];
    begin(refuse);
    for (let i = 0; i < 8; i++) {
      await pass(1_200);
      const refusedMs = Date.now();
      opened.at(-1)!.end.reject(new Error(`refused ${i}`));
      for (let count = opened.length; opened.length === count;) await pass(50);
      const pauseMs = opened.at(-1)!.atMs - refusedMs;
      const fullMs = Math.min(10_000, 500 * 2 ** i);
      expect(pauseMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(pauseMs).toBeLessThanOrEqual(fullMs + 50);
    }
    stop();
  }
});

test("after one that held for long the pauses begin anew", async () => {
  begin(async function* () {
    yield "a";
  });
  const broken = async () => {
    const count = opened.length;
    opened.at(-1)!.end.reject(new Error("broken"));
    for (const fromMs = Date.now(); ;) {
      await pass(50);
      if (opened.length > count) return Date.now() - fromMs;
    }
  };
  await pass(0);
  for (let i = 0; i < 6; i++) await broken();
  expect(await broken()).toBeGreaterThanOrEqual(5_000);
  await pass(10_000);
  expect(await broken()).toBeLessThanOrEqual(550);
});

test("there is one call at a time, however a stream is left", async () => {
  begin(async function* (_, i) {
    yield i % 2 === 0 ? "bad" : "good";
  });
  for (let i = 0; i < 20; i++) {
    await pass(10_000);
    if (i % 3 === 0) opened.at(-1)!.end.reject(new Error("broken"));
    await settle();
    expect(opened.filter(({ options }) => !options.signal!.aborted).length).toBeLessThanOrEqual(1);
  }
  expect(states).toContain("cannot be shown");
  expect(opened.length).toBeGreaterThan(10);
});

test("a stream that is not wanted any more is ended, and not opened again", async () => {
  begin(async function* () {
    yield "a";
  });
  await pass(0);
  stop();
  await pass(60_000);
  expect(opened.map(({ options }) => options.signal!.aborted)).toEqual([true]);
  expect(states.at(-1)).toBe("runs");
});

test("a stream goes on behind the last message that was heard whole, and begins anew where the server cannot", async () => {
  const asked: string[] = [];
  const heard: string[] = [];
  let fails: ConnectError | undefined;
  let isWhole = false;
  const { open, hear } = resumed<{ cursor: string }>({
    begin() {
      isWhole = false;
      asked.push("begin");
    },
    async *open(cursor) {
      asked.push(`open ${cursor}`);
      if (fails !== undefined) throw fails;
      yield { cursor: "1" };
      yield { cursor: "" };
      yield { cursor: "2" };
    },
    hear({ cursor }) {
      heard.push(cursor);
      isWhole ||= cursor === "";
    },
    isBeginning: () => !isWhole,
  });
  const read = async (most = Infinity) => {
    for await (const message of open({})) {
      hear(message);
      if (--most === 0) break;
    }
  };
  await read(1);
  await read();
  await read(1);
  fails = new ConnectError("away", Code.Unavailable);
  const why = (error: unknown) => ConnectError.from(error).rawMessage;
  expect(await read().catch(why)).toBe("away");
  fails = new ConnectError("no such cursor", Code.OutOfRange);
  expect(await read().catch(why)).toBe("no such cursor");
  fails = undefined;
  await read();
  expect(asked).toEqual([...["begin", "open ", "begin", "open ", "open 2", "open 1", "open 1"], ...["begin", "open "]]);
  expect(heard).toEqual(["1", "1", "", "2", "1", "1", "", "2"]);
});

test("behind what was not written down a stream begins anew, and goes on once it has come again", async () => {
  const asked: string[] = [];
  let sent = [{ cursor: "1" }, { cursor: "" }];
  const { open, hear } = resumed<{ cursor: string }>({
    async *open(cursor) {
      asked.push(cursor);
      yield* sent;
    },
    hear: () => {},
    isUnwritten: ({ cursor }) => cursor === "",
  });
  const read = async () => {
    for await (const message of open({})) hear(message);
  };
  await read();
  sent = [{ cursor: "" }, { cursor: "2" }];
  await read();
  await read();
  expect(asked).toEqual(["", "", "2"]);
});
