import { describe, expect, test } from "bun:test";
import { formatAge, formatValue, printable, renderTable, sparkline, type WatchRow } from "../../src/cli/watch-table.ts";

const NOW_MS = 1_790_000_000_000;

function row(name: string, device: string, history: number[], changes: Partial<WatchRow> = {}): WatchRow {
  return {
    name,
    device,
    label: "",
    value: history.at(-1)!,
    unit: "",
    timeMs: NOW_MS - 3_000,
    stale: false,
    history,
    ...changes,
  };
}

function table(rows: WatchRow[], width: number, height = 20): string[] {
  return Bun.stripANSI(renderTable(rows, "TITLE", width, height, NOW_MS)).split("\n");
}

describe("the table", () => {
  const rows = [
    row("temperature_f:press", "press-1", [70, 71, 75, 72]),
    row("humidity:office", "office", [41.25], { timeMs: NOW_MS - 600_000, stale: true }),
  ];

  test("as it looks", () => {
    expect(table(rows, 100)).toEqual([
      "TITLE",
      "SERIES               DEVICE          VALUE      AGE",
      "temperature_f:press  press-1            72       3s  ▁▂█▄",
      "humidity:office      office          41.25    stale  ▁",
    ]);
    expect(table(rows, 40)).toEqual([
      "TITLE",
      "SERIES        DEVICE          VALUE    …",
      "temperature…  press-1            72    …",
      "humidity:of…  office          41.25    …",
    ]);
  });

  test("shows the tags that tell series apart", () => {
    const ports = [1, 22].map((port) => row("rssi:gw", "dev-1", [port], { label: `port=${port}` }));
    expect(table(ports, 100)).toEqual([
      "TITLE",
      "SERIES   DEVICE  TAGS            VALUE      AGE",
      "rssi:gw  dev-1   port=1              1       3s  ▁",
      "rssi:gw  dev-1   port=22            22       3s  ▁",
    ]);
  });

  test("never is wider or higher than the terminal, whatever the names", () => {
    const names = ["a".repeat(300), "温度センサー:工場", "🌡️🌡️🌡️:x", "e\u0301".repeat(50), ""];
    const many = names.flatMap((name) => names.map((device) => row(name, device, [1, 2, 3], { label: name })));
    for (const width of [20, 40, 60, 80, 120, 200]) {
      for (const height of [4, 10, 60]) {
        const lines = table(many, width, height);
        expect(lines.length).toBeLessThanOrEqual(height);
        for (const line of lines) expect([line, Bun.stringWidth(line) <= width]).toEqual([line, true]);
      }
    }
    expect(table(many, 80, 10).at(-1)).toBe("… 18 more series");
  });

  test("shows names from the wire without what steers a terminal", () => {
    const hostile = "\x1b[2J\x1b]0;owned\x07\r\nadmin\u202egnp";
    expect(table([row(hostile, hostile, [1])], 100).join("")).not.toMatch(/[\x00-\x1f\u202e]/);
    expect(printable("a\x1bb\u0085c ü温")).toBe("a\ufffdb\ufffdc ü温");
  });
});

test("sparklines stand between their own least and greatest value", () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe("▁▂▃▄▅▆▇█");
  expect(sparkline([5, 5, 5])).toBe("▁▁▁");
  expect(sparkline([])).toBe("");
  expect(sparkline([9, 0, 7], 2)).toBe("▁█");
});

test("values and ages", () => {
  expect([0, 72, 1 / 3, 1e-7, 123_456_789, 1e12, -2.5].map(formatValue)).toEqual([
    "0",
    "72",
    "0.3333333",
    "1.000e-7",
    "123456789",
    "1.000e+12",
    "-2.5",
  ]);
  expect([-5, 999, 119_000, 120_000, 7_200_000, 172_800_000].map(formatAge)).toEqual([
    "0s",
    "0s",
    "119s",
    "2m",
    "2h",
    "2d",
  ]);
});
