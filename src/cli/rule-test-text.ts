/** A check of a rule that did not hold, as text. */
import pc from "picocolors";
import type { FailedCheck } from "../alerts/rule-tests/run-rule-test.ts";
import { ANNOTATIONS, type ExpectedAlert } from "../alerts/rule-tests/test-file.ts";
import { formatDurationMs } from "../model/duration.ts";
import { printable } from "./watch-table.ts";

/** "hot at 1m, of a test's name", then a line for each alert that is missing, and for each that is not expected. */
export function failureText({ check, missing, others }: FailedCheck, testName: string): string {
  const of = testName === "" ? "" : ` (${printable(testName)})`;
  const asExpected = check.alerts.length - missing.length;
  const none = asExpected > 0 ? "nothing more" : "nothing";
  const lines = [
    `${printable(check.rule)} at ${formatDurationMs(check.atMs)}${of}`,
    ...linesOf("expected", pc.green, missing, none),
    ...linesOf("got", pc.red, others, none),
  ];
  if (asExpected > 0) lines.push(`and ${asExpected} as expected`);
  return lines.join("\n      ");
}

function linesOf(
  word: string,
  paint: (text: string) => string,
  alerts: readonly ExpectedAlert[],
  none: string,
): string[] {
  const texts = alerts.length === 0 ? [none] : alerts.map(alertText);
  return texts.map((text) => `${paint(word.padEnd(8))}  ${text}`);
}

/** `{device="pump-1", severity="high"}, title "temp of pump-1 is 85"`. */
function alertText({ labels, annotations }: ExpectedAlert): string {
  const pairs = Object.keys(labels)
    .filter((key) => key !== "alertname")
    .sort()
    .map((key) => `${key}=${JSON.stringify(labels[key])}`);
  const texts = ANNOTATIONS.filter((key) => annotations[key]).map(
    (key) => `${key} ${JSON.stringify(annotations[key])}`,
  );
  return printable([`{${pairs.join(", ")}}`, ...texts].join(", "));
}
