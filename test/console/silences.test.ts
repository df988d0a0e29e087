/** Silences as the console lists and begins them. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "bun:test";
import { alertRow } from "../../src/console/data/alert-row.ts";
import {
  heldBy,
  inOrder,
  isFound,
  scopeWords,
  spanText,
  stateOf,
  suggestedMatchers,
  timeWords,
} from "../../src/console/views/alerts/silences/silence-words.ts";
import { localText } from "../../src/console/data/local-time.ts";
import { endOf, type SilenceTimes } from "../../src/console/views/alerts/silences/silence-times.ts";
import { AccessScopeSchema } from "../../src/wire/gen/access_pb.ts";
import { AlertSchema, SilenceSchema, SilenceState } from "../../src/wire/gen/alerts_pb.ts";

const NOW_MS = Date.UTC(2026, 2, 1);
const HOUR_MS = 3_600_000;

function silence(fromHours: number, toHours: number, more: MessageInitShape<typeof SilenceSchema> = {}) {
  return create(SilenceSchema, {
    startsAt: timestampFromMs(NOW_MS + fromHours * HOUR_MS),
    endsAt: timestampFromMs(NOW_MS + toHours * HOUR_MS),
    ...more,
  });
}

const row = (id: string, rule: string, labels: Record<string, string>, severity = "high") =>
  alertRow(create(AlertSchema, { id, rule, labels, severity }), false);
const ACTIVE = [
  row("1", "hot", { device: "pump-1", site: "north" }),
  row("2", "hot", { device: "pump-2", site: "north" }),
  row("3", "cold", { device: "a b", site: "south" }, "critical"),
];

describe("state and time", () => {
  test("by the clock, also where the server was asked before", () => {
    expect(stateOf(silence(-1, 1), NOW_MS)).toBe("active");
    expect(stateOf(silence(1, 2), NOW_MS)).toBe("upcoming");
    expect(stateOf(silence(-2, -1), NOW_MS)).toBe("over");
    expect(stateOf(silence(-2, 1, { state: SilenceState.EXPIRED }), NOW_MS)).toBe("over");
  });

  test("in words, what is begun counts", () => {
    expect(timeWords(silence(-1, 1.99), NOW_MS)).toBe("2h left");
    expect(timeWords(silence(0.5, 3), NOW_MS)).toBe("begins in 30m, for 2h30m");
    expect(timeWords(silence(-50, -25), NOW_MS)).toBe("over for 1d1h");
    expect(spanText(61_500)).toBe("1m2s");
  });

  test("in order: what ends first, then what is to come, then what ended last", () => {
    const all = [silence(-9, -5, { id: "old" }), silence(-9, -1, { id: "late" }), silence(1, 2, { id: "next" })];
    all.push(silence(-1, 9, { id: "long" }), silence(-1, 1, { id: "short" }));
    expect(inOrder(all, NOW_MS).map(({ id }) => id)).toEqual(["short", "long", "next", "late", "old"]);
  });

  test("found by words of matchers, author and comment", () => {
    const one = silence(0, 1, { matchers: ['device="pump-1"'], author: "Ada", comment: "Works on it" });
    expect([isFound(one, ""), isFound(one, "PUMP ada"), isFound(one, "pump bob")]).toEqual([true, true, false]);
  });
});

describe("the end that is typed", () => {
  const endHours = (times: Partial<SilenceTimes>) => {
    const endMs = endOf({ from: "", lasts: "", until: "", ...times }, NOW_MS);
    return endMs === undefined ? undefined : (endMs - NOW_MS) / HOUR_MS;
  };
  const local = (hours: number) => localText(NOW_MS + hours * HOUR_MS);

  test("a time after now, or after the beginning where that is to come", () => {
    expect(endHours({ lasts: "90m" })).toBe(1.5);
    expect(endHours({ lasts: "2h", from: local(1) })).toBe(3);
    expect(endHours({ lasts: "2h", from: local(-5) })).toBe(2);
    expect(endHours({ until: local(4) })).toBe(4);
    expect(endHours({ until: local(4), from: local(1) })).toBe(4);
  });

  test("none where it is no time, or would be over", () => {
    expect([{}, { lasts: "soon" }, { lasts: "0s" }, { until: local(-1) }].map(endHours)).toEqual(
      Array(4).fill(undefined),
    );
    expect(endHours({ from: local(3), until: local(2) })).toBeUndefined();
  });
});

describe("what it holds back", () => {
  test("is counted where the page can tell", () => {
    expect(heldBy({ matchers: ["alertname=hot"] }, ACTIVE)).toBe(2);
    expect(heldBy({ matchers: ["alertname=hot", 'device!="pump-1"'] }, ACTIVE)).toBe(1);
    expect(heldBy({ matchers: ['device=~"pump-[0-9]"'] }, ACTIVE)).toBeUndefined();
    expect(heldBy({ matchers: ["nonsense"] }, ACTIVE)).toBeUndefined();
  });

  test("is in the scope that it was made in alone", () => {
    const within = (scope: MessageInitShape<typeof AccessScopeSchema>) => {
      const one = silence(0, 1, { matchers: ["alertname=hot"], scope });
      return [heldBy(one, ACTIVE), scopeWords(one)];
    };
    expect(within({ devices: ["pump-1"] })).toEqual([1, "of devices pump-1 alone"]);
    expect(within({ devices: ["pump-*"], sites: ["north"] })).toEqual([2, "of devices pump-*; sites north alone"]);
    expect(within({ sites: ["berlin"] })).toEqual([0, "of sites berlin alone"]);
    // Whether a source sends of the device is not for the page to say.
    expect(within({ sources: ["gw"] })).toEqual([undefined, "of sources gw alone"]);
    expect(scopeWords(silence(0, 1))).toBe("");
  });

  test("is suggested: names of labels, then values, the most frequent first", () => {
    const values = (typed: string) => suggestedMatchers(typed, ACTIVE).items.map(({ value }) => value);
    expect(values("")).toEqual(["alertname=", "device=", "severity=", "site="]);
    expect(values("si")).toEqual(["site="]);
    expect(values("site=")).toEqual(["site=north", "site=south"]);
    expect(values("device!=a")).toEqual(['device!="a b"']);
    expect(suggestedMatchers("alertname=h", ACTIVE).items).toEqual([{ value: "alertname=hot", detail: "2 firing" }]);
  });
});
