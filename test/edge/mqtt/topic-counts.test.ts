/** Reasons why messages gave nothing, counted by kind. */
import { expect, test } from "bun:test";
import { kindOf, OTHER_REASONS, TopicCounts } from "../../../src/edge/mqtt/topic-counts.ts";
import { handling } from "./rig.ts";

test("reasons are told apart by what they say, not by what was met", () => {
  const counts = new TopicCounts();
  const take = handling(`[[topics]]\npattern = "t/{device}"\ntime = "at"\n`);
  const payloads = ["[1", "{2", "x", "y", { at: "today", v: 1 }, { at: "3 pm", v: 1 }];
  for (const payload of payloads) counts.malform(take("t/d", payload).malformed!, 7);
  expect(Object.fromEntries(counts.malformedReasons)).toEqual({
    "it is no JSON": 2,
    "it is neither a number nor JSON": 2,
    "at is …; wanted a time (auto)": 2,
  });
  counts.refuse("value is NaN; wanted a finite number", 3, 8);
  expect([counts.malformed, counts.refused, [...counts.refusedReasons]]).toEqual([
    6,
    3,
    [["value is NaN; wanted a finite number", 3]],
  ]);
  expect([counts.lastError, counts.lastErrorMs]).toEqual(["value is NaN; wanted a finite number", 8]);
  expect(kindOf('it says "on \\" x: 5"; wanted "online" or "offline"')).toBe('it says …; wanted "online" or "offline"');
  expect(
    ["2026-06-01T12:00:00.000Z", "2027-06-01T12:00:01.123456Z", "+010000-01-01T00:00:00.000Z"].map((time) =>
      kindOf(`timestamp is ${time}, which is too far in the future; wanted at most ${time}`),
    ),
  ).toEqual(Array(3).fill("timestamp is …, which is too far in the future; wanted at most …"));
  expect(kindOf("timestamp is -000001-01-01T00:00:00.000Z; wanted 1970 or later")).toBe(
    "timestamp is …; wanted 1970 or later",
  );
  expect(kindOf(`it says "${"x".repeat(5_000)}`)).toBe("it says …");
});

test("whatever messages say, a pattern remembers few kinds of reasons", () => {
  const counts = new TopicCounts();
  for (let i = 0; i < 1_000; i++) counts.malform(`reason ${String.fromCodePoint(0x4e00 + i)}`.repeat(100), 1);
  expect(counts.malformedReasons.size).toBe(17);
  expect(counts.malformedReasons.get(OTHER_REASONS)).toBe(1_000 - 16);
  for (const kind of counts.malformedReasons.keys()) expect(kind.length).toBeLessThanOrEqual(120);
});
