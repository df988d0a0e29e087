import { expect, test } from "bun:test";
import { isOfOtherVersion } from "../../src/console/other-version.ts";
import { connectionText } from "../../src/console/shell/connection-text.ts";

const NOW_MS = 100_000;
const broke = (what: string, sinceMs: number) => ({ what, sinceMs, reason: "it has ended" });

test("nothing is said while all runs, nor of a blink", () => {
  expect(connectionText({ kind: "open" }, [], NOW_MS)).toBe(undefined);
  expect(connectionText({ kind: "open" }, [broke("alerts", NOW_MS - 500)], NOW_MS)).toBe(undefined);
  expect(connectionText({ kind: "connecting", sinceMs: NOW_MS - 500, reason: "" }, [], NOW_MS)).toBe(undefined);
});

test("a connection that is broken says why, since when and when it is tried again, and the streams on it say nothing", () => {
  const waiting = { kind: "waiting", sinceMs: 40_000, untilMs: 104_000, reason: "the server is silent" } as const;
  expect(connectionText(waiting, [broke("alerts", 0)], NOW_MS)).toEqual({
    what: "Not live: the server is silent. What is shown is as it was then.",
    clock: "(for 1 min; next try in 4 s)",
    canTry: true,
    isGrave: true,
  });
  expect(connectionText({ ...waiting, kind: "connecting" }, [], NOW_MS)?.clock).toBe("(for 1 min; trying now)");
});

test("streams that are broken are named, some of many, and those without names are counted", () => {
  const text = (...names: string[]) =>
    connectionText(
      { kind: "open" },
      names.map((what, i) => broke(what, i)),
      NOW_MS,
    )?.what;
  expect(text("alerts", "devices", "alerts")).toBe("Not live: alerts, devices, because it has ended.");
  expect(text("a", "b", "c", "d", "e")).toBe("Not live: a, b, c and 2 more, because it has ended.");
  expect(text("", "")).toBe("Not live: 2 of the page's streams, because it has ended.");
});

test("without WebSockets the page says what that costs", () => {
  const text = connectionText({ kind: "plain", streamsMax: 3 }, [], NOW_MS);
  expect(text?.what).toContain("3 streams run at once, and others wait");
  expect(text?.isGrave).toBe(false);
});

test("a page whose script the server has not is of another version; where nothing is known nothing is said", () => {
  const own = "https://watchpost.example.org/chunk-1a.js";
  expect(isOfOtherVersion(own, ["chunk-1a.js", "chunk-2b.js"])).toBe(false);
  expect(isOfOtherVersion(own, ["chunk-3c.js", "chunk-2b.js"])).toBe(true);
  expect([isOfOtherVersion(own, []), isOfOtherVersion(own, undefined), isOfOtherVersion(undefined, ["a.js"])]).toEqual([
    false,
    false,
    false,
  ]);
});
