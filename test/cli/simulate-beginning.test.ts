/** What is said of a simulation before it begins. */
import { expect, test } from "bun:test";
import { beginning } from "../../src/cli/simulate/beginning.ts";

const NOW_MS = Date.UTC(2026, 5, 1, 12);
const HOUR_MS = 3_600_000;

test("from when and until when, by what was asked for", () => {
  const said = (fromMs: number, toMs: number) =>
    beginning(
      { fromUs: (NOW_MS + fromMs) * 1_000, toUs: (NOW_MS + toMs) * 1_000, speed: 1, liveFromUs: NOW_MS * 1_000 },
      ...([3, "s:1", NOW_MS] as const),
    );
  expect(said(20, Infinity)).toBe("3 devices to s:1, until Ctrl-C");
  expect(said(20, 2 * HOUR_MS)).toBe("3 devices to s:1, for 2h");
  expect(said(-3 * HOUR_MS, 0)).toBe("3 devices to s:1, back from 2026-06-01T09:00:00.000Z, up to now");
  expect(said(-3 * HOUR_MS, -HOUR_MS)).toBe(
    "3 devices to s:1, back from 2026-06-01T09:00:00.000Z, up to 2026-06-01T11:00:00.000Z",
  );
  expect(said(-3 * HOUR_MS, HOUR_MS)).toBe("3 devices to s:1, back from 2026-06-01T09:00:00.000Z, for 1h");
});
