/** The section `correlation` of a rules file: what it takes, and what is said of what it does not. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { correlationOf } from "../../src/alerts/correlation-input.ts";
import { CORRELATION } from "../../src/alerts/incidents.ts";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import { readRulesFile } from "../../src/alerts/read-rules-file.ts";
import { messageOf } from "../../src/model/errors.ts";
import { spawn } from "../log/harness.ts";
import { tempDir } from "../support/server-process.ts";

const SITE = "wanted labels of what fails together, such as line: alerts of the same site alone are no incident";

test("what is left out is as it is without the section", () => {
  for (const written of [undefined, null, {}, { labels: [] }, { window: "15m" }]) {
    expect(correlationOf(written)).toEqual(CORRELATION);
  }
  expect(correlationOf({ window: "1h", labels: ["line", "rack"] })).toEqual({
    windowMs: 3_600_000,
    labels: ["line", "rack"],
  });
});

test("beside it nobody has to be told", () => {
  const { correlation, receivers } = notifySetupOf({ correlation: { window: "2h" } }, {});
  expect({ correlation, receivers }).toEqual({ correlation: { windowMs: 7_200_000, labels: [] }, receivers: [] });
});

describe("is refused", () => {
  const table: readonly [written: unknown, sentence: string][] = [
    [5, "correlation is 5; wanted a map of window and labels"],
    [{ windw: "1h" }, "correlation.windw is unknown; did you mean window?"],
    [{ window: "15" }, 'correlation.window is "15"; wanted a duration such as "90s" or "1h30m", from 1s to 7d'],
    [{ window: "8d" }, 'correlation.window is "8d"; wanted a duration such as "90s" or "1h30m", from 1s to 7d'],
    [{ window: "0s" }, 'correlation.window is "0s"; wanted a duration such as "90s" or "1h30m", from 1s to 7d'],
    [{ labels: "line" }, 'correlation.labels is "line"; wanted a list of labels'],
    [{ labels: [7] }, "correlation.labels[0] is 7; wanted the name of a label"],
    [{ labels: ["line", ""] }, 'correlation.labels[1] is ""; wanted the name of a label'],
    [{ labels: ["line", "line"] }, 'correlation.labels[1] is "line" again; wanted each label once'],
    [{ labels: ["site"] }, `correlation.labels[0] is "site"; ${SITE}`],
    [{ labels: ["line", "site"] }, `correlation.labels[1] is "site"; ${SITE}`],
    [
      { labels: ["alertname"] },
      'correlation.labels[0] is "alertname"; wanted a label of rules or series: alerts have no such one',
    ],
    [{ labels: Array.from({ length: 17 }, (_, i) => `l${i}`) }, "correlation.labels has 17 labels; wanted at most 16"],
  ];
  test.each(table)("%j", (written, sentence) => {
    expect(() => correlationOf(written)).toThrow(sentence);
  });

  test("with file, line and column", async () => {
    using dir = tempDir("correlation");
    const path = join(dir.path, "rules.yaml");
    writeFileSync(path, "rules: []\ncorrelation:\n  window: soon\n  labels: [line, site]\n  label: []\n");
    const error = await readRulesFile(path, [], spawn).catch(messageOf);
    expect(error).toBe(
      [
        `${path} is wrong:`,
        `  ${path}:3:11: correlation.window is "soon"; wanted a duration such as "90s" or "1h30m", from 1s to 7d`,
        `  ${path}:4:18: correlation.labels[1] is "site"; ${SITE}`,
        `  ${path}:5:3: correlation.label is unknown; did you mean labels?`,
      ].join("\n"),
    );
    writeFileSync(path, "corelation: {}\n");
    expect(await readRulesFile(path, [], spawn).catch(messageOf)).toContain(
      `${path}:1:1: corelation is unknown; did you mean correlation?`,
    );
  });
});
