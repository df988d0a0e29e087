/**
 * Unit tests of threshold rules, the same series and expectations for `watchpost rules test` and for Debian's real
 * `promtool test rules`: the same checks hold, and the same do not.
 */
import { expect } from "bun:test";
import { join } from "node:path";
import { runRuleTest } from "../../../src/alerts/rule-tests/run-rule-test.ts";
import { parseRuleTests } from "../../../src/alerts/rule-tests/test-file.ts";
import { parseRulesFile } from "../../../src/alerts/rules-file.ts";
import { formatDurationMs } from "../../../src/model/duration.ts";
import { program, testNeeding } from "../../support/needs.ts";
import { randomOf } from "../../support/random.ts";
import { tempDir } from "../../support/server-process.ts";

const [RULES, CHECKS, STEPS] = [40, 12, 60];
const LIMIT = 80;
const SERIES = ["a", "b"];

interface Case {
  readonly name: string;
  readonly isAbove: boolean;
  readonly hold: string;
  readonly keep: string;
}

/** About the limit, and at least as many as there are steps. */
function valuesOf(random: () => number, hasHoles: boolean): string {
  const whole = (max: number) => Math.floor(random() * max);
  const parts: string[] = [];
  for (let count = 0; count < STEPS;) {
    // Prometheus looks back for five minutes, so holes stay shorter.
    const kind = whole(hasHoles && !parts.at(-1)?.startsWith("_") ? 5 : 4);
    const [value, times] = [LIMIT - 10 + whole(20), whole(8)];
    if (kind === 0) parts.push(String(value));
    else if (kind === 1) parts.push(`${value}x${times}`);
    else if (kind === 2) parts.push(`${value}+${1 + whole(4)}x${times}`);
    else if (kind === 3) parts.push(`${value}-0.${1 + whole(9)}x${times}`);
    else parts.push(times === 0 ? "_" : `_x${times}`);
    count += kind === 0 || (kind === 4 && times === 0) ? 1 : kind === 4 ? times : times + 1;
  }
  return parts.join(" ");
}

/** "NAME TIME" of checks that do not hold. */
async function judgedByPromtool(dir: string): Promise<string[]> {
  const run = Bun.spawn(["promtool", "test", "rules", "tests.yml"], { cwd: dir, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  await run.exited;
  const failed = [...(out + err).matchAll(/alertname: (\w+), time: (\w+),/g)].map(
    ([, name, time]) => `${name} ${time}`,
  );
  if (failed.length === 0 && !out.includes("SUCCESS")) throw new Error(out + err);
  return failed.sort();
}

for (const intervalS of [1, 3, 10, 30]) {
  testNeeding([program("promtool")])(
    `the same verdicts as promtool, a value every ${intervalS} s`,
    async () => {
      const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
      console.log(`promtool verdicts: seed ${seed}`);
      const random = randomOf(seed + intervalS);
      const time = (stepsMax: number) => formatDurationMs(Math.floor(random() * stepsMax) * intervalS * 1_000);
      const cases = Array.from({ length: RULES }, (_, i): Case => {
        return { name: `r${i}`, isAbove: random() < 0.5, hold: time(6), keep: time(6) };
      });
      const checks = cases.flatMap(({ name }) =>
        Array.from({ length: CHECKS }, () => ({
          eval_time: time(STEPS),
          alertname: name,
          exp_alerts: SERIES.filter(() => random() < 0.5).map((device) => ({ exp_labels: { device, source: "s" } })),
        })),
      );
      const test = {
        interval: `${intervalS}s`,
        // What time decides within two seconds is up to the gaps where values are missing.
        input_series: cases.flatMap(({ name }) =>
          SERIES.map((device) => ({
            series: `m_${name}{source="s",device="${device}"}`,
            values: valuesOf(random, intervalS >= 4),
          })),
        ),
        alert_rule_test: checks,
      };
      const rules = cases.map(({ name, isAbove, hold, keep }) => ({
        name,
        metric: `m_${name}`,
        condition: { threshold: isAbove ? { above: LIMIT } : { below: LIMIT } },
        for: hold,
        keep_firing_for: keep,
      }));
      const theirs = cases.map(({ name, isAbove, hold, keep }) => ({
        alert: name,
        expr: `m_${name} ${isAbove ? ">" : "<"} ${LIMIT}`,
        for: hold,
        keep_firing_for: keep,
      }));

      const file = parseRuleTests("t.yaml", JSON.stringify({ rule_files: ["x"], tests: [test] }));
      const failed = runRuleTest(parseRulesFile("r.yaml", JSON.stringify({ rules })).rules, file.tests[0])
        .map(({ check }) => `${check.rule} ${formatDurationMs(check.atMs)}`)
        .sort();

      using dir = tempDir("promtool");
      const groups = [{ name: "all", interval: `${intervalS}s`, rules: theirs }];
      await Bun.write(join(dir.path, "rules.yml"), JSON.stringify({ groups }));
      const tests = { rule_files: ["rules.yml"], evaluation_interval: `${intervalS}s`, tests: [test] };
      await Bun.write(join(dir.path, "tests.yml"), JSON.stringify(tests));
      const wanted = await judgedByPromtool(dir.path);
      expect(failed.filter((each) => !wanted.includes(each))).toEqual([]);
      expect(wanted.filter((each) => !failed.includes(each))).toEqual([]);
      expect(failed.length).toBeGreaterThan(checks.length / 4);
      expect(failed.length).toBeLessThan((checks.length * 3) / 4 + checks.length / 5);
    },
    120_000,
  );
}
