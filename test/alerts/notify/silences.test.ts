import { expect, test } from "bun:test";
import { parseMatcher } from "../../../src/alerts/notify/label-matcher.ts";
import { stateOfSilence, type Silence } from "../../../src/alerts/notify/silence.ts";
import { Silences } from "../../../src/alerts/notify/silences.ts";

const HOUR_MS = 3_600_000;
const NOTICE_MS = 600_000;

function make(given: Partial<Silence> = {}, ...texts: string[]): Silence {
  const matchers = (texts.length === 0 ? ["rack=1"] : texts).map(parseMatcher);
  const times = { startsAtMs: 0, endsAtMs: HOUR_MS };
  return { id: "s", matchers, ...times, author: "kim", comment: "", isForAll: false, ...given };
}

const refusal = (given: Silence, nowMs = 0) => {
  try {
    new Silences(NOTICE_MS).put(given, nowMs);
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
};

test("one that would hold back every alert has to say so", () => {
  expect(refusal(make({}, "rack=~.*", "team!=x"))).toBe(
    'silence.matchers is "{rack=~\\".*\\",team!=\\"x\\"}"; wanted a matcher that picks out some alerts; ' +
      "to silence them all, say so (all, or --all)",
  );
  expect(refusal(make({ isForAll: true }, "rack=~.*"))).toBeUndefined();
  expect(refusal(make({ isForAll: true, matchers: [] }))).toBe("silence.matchers is 0; wanted 1 to 64 matchers");
  expect(refusal(make({}, "rack=~.*", "team=x"))).toBeUndefined();
});

test("what else is wrong is refused by name", () => {
  expect(refusal(make({ id: "" }))).toContain("silence.id");
  expect(refusal(make({ matchers: [{ name: "rack", operator: "=~", value: "(" }] }))).toContain(
    'silence.matchers[0].value is "("; wanted a regular expression',
  );
  expect(refusal(make({ endsAtMs: 5 }), 10)).toBe(
    'silence.ends_at is "1970-01-01T00:00:00.005Z"; wanted a time after it starts, 1970-01-01T00:00:00.010Z',
  );
  expect(refusal(make({ endsAtMs: NaN }))).toContain("silence.ends_at");
  expect(refusal(make({ startsAtMs: 9e15, endsAtMs: 9e15 + 1 }))).toContain("silence.starts_at");
  expect(refusal(make({ comment: "x".repeat(2_000) }))).toContain("silence.comment");
});

test("pending, active, expired; in [from, to)", () => {
  const silences = new Silences(NOTICE_MS);
  const silence = silences.put(make({ startsAtMs: 1_000, endsAtMs: 2_000 }), 0);
  expect([999, 1_000, 1_999, 2_000].map((ms) => stateOfSilence(silence, ms))).toEqual([
    "pending",
    "active",
    "active",
    "expired",
  ]);
  expect([999, 1_000, 1_999, 2_000].map((ms) => silences.silencing({ rack: "1" }, ms)?.id)).toEqual([
    undefined,
    "s",
    "s",
    undefined,
  ]);
  expect(silences.silencing({ rack: "2" }, 1_000)).toBeUndefined();
});

test("none begins in the past, and one that has begun keeps its start", () => {
  const silences = new Silences(NOTICE_MS);
  expect(silences.put(make(), 50).startsAtMs).toBe(50);
  expect(silences.put(make({ startsAtMs: 900 }, "rack=2"), 100).startsAtMs).toBe(50);
  expect(silences.silencing({ rack: "1" }, 100)).toBeUndefined();
  expect(silences.silencing({ rack: "2" }, 100)?.id).toBe("s");
  silences.put(make({ id: "t", startsAtMs: 900 }), 100);
  expect(silences.put(make({ id: "t", startsAtMs: 800 }), 100).startsAtMs).toBe(800);
});

test("is announced, ends once, for good, and is forgotten", () => {
  const silences = new Silences(NOTICE_MS);
  silences.put(make(), 0);
  const kinds = (nowMs: number) => silences.advance(nowMs).map(({ kind }) => kind);
  expect(silences.nextMs).toBe(HOUR_MS - NOTICE_MS);
  expect(kinds(silences.nextMs - 1)).toEqual([]);
  expect(kinds(silences.nextMs)).toEqual(["ending"]);
  expect(kinds(silences.nextMs)).toEqual(["ended"]);
  expect(silences.silencing({ rack: "1" }, 0)).toBeUndefined();
  expect(() => silences.put(make({ endsAtMs: 9 * HOUR_MS }), 2 * HOUR_MS)).toThrow(
    "silence s ended at 1970-01-01T01:00:00.000Z; wanted one that is not over, or a new one",
  );
  expect(silences.expire("s", 2 * HOUR_MS).endsAtMs).toBe(HOUR_MS);
  expect(kinds(silences.nextMs)).toEqual(["forgotten"]);
  expect([silences.nextMs, [...silences.list()]]).toEqual([Infinity, []]);
  expect(() => silences.expire("s", 0)).toThrow('there is no silence "s"');
});

test("one that ends by hand before it began holds nothing back", () => {
  const silences = new Silences(NOTICE_MS);
  silences.put(make({ startsAtMs: 1_000 }), 0);
  expect(silences.expire("s", 10)).toMatchObject({ startsAtMs: 10, endsAtMs: 10 });
  expect(silences.silencing({ rack: "1" }, 1_500)).toBeUndefined();
});

test("are found whatever their matchers are", () => {
  const silences = new Silences(NOTICE_MS);
  silences.put(make({ id: "equal" }, "a=1", "b=~x.*"), 0);
  silences.put(make({ id: "expression" }, "c=~1|2", "d!=x"), 0);
  silences.put(make({ id: "missing" }, "e=", "severity=low"), 0);
  const found = (labels: Record<string, string>) => silences.silencing(labels, 1)?.id;
  expect(found({ a: "1", b: "xy" })).toBe("equal");
  expect(found({ a: "1", b: "y" })).toBeUndefined();
  expect(found({ c: "2" })).toBe("expression");
  expect(found({ c: "2", d: "x" })).toBeUndefined();
  expect(found({ severity: "low" })).toBe("missing");
  expect(found({ severity: "low", e: "1" })).toBeUndefined();
});
