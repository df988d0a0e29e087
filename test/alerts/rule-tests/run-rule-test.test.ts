/** Unit tests of rules, as they are written in a file. */
import { describe, expect, test } from "bun:test";
import { differenceOf, type FiringAlert } from "../../../src/alerts/rule-tests/compare-alerts.ts";
import { runRuleTest } from "../../../src/alerts/rule-tests/run-rule-test.ts";
import { parseRuleTests } from "../../../src/alerts/rule-tests/test-file.ts";
import { parseRulesFile } from "../../../src/alerts/rules-file.ts";

const RULES = parseRulesFile(
  "rules.yaml",
  `rules:
  - { name: hot, metric: temp, condition: { threshold: { above: 80, clear: 75 } }, for: 30s, keep_firing_for: 20s }
  - name: load
    metric: load
    condition: { ladder: { steps: [{ severity: low, above: 10 }, { severity: critical, above: 90 }] } }
    description: "line {labels.line}"
    runbook: https://wiki.example.org/load
  - { name: silent, metric: temp, condition: { absence: { after: 1m } } }
  - { name: site, metric: temp, group_by: [site], condition: { threshold: { above: 80 } } }
  - { name: watchdog, condition: { watchdog: {} } }
  - { name: off, metric: temp, condition: { threshold: { above: 0 } }, disabled: true }
  - { name: gone, condition: { device: {} }, where: [site=n, line=4], for: 2m, keep_firing_for: 1m, title: "{device} is {status}" }
`,
).rules;

/** "30s hot" for each check that does not hold, with what is missing and what is too much. */
function failures(text: string): string[] {
  const { tests } = parseRuleTests("t.yaml", `rule_files: [x]\ntests:\n${text.replaceAll(/^/gm, "  ")}`);
  return tests.flatMap((each) =>
    runRuleTest(RULES, each).map(({ check, missing, others }) => {
      const names = others.map(({ labels }) => `${labels["device"] ?? ""} ${labels["severity"]}`);
      return `${check.atMs / 1_000}s ${check.rule}: ${missing.length} missing, got ${names.join()}`;
    }),
  );
}

test("for and keep_firing_for are decided at their times, whatever the interval", () => {
  for (const interval of ["1s", "2s", "10s"]) {
    const steps = 30 / Number.parseInt(interval);
    // Above for 30 s from the second value on, then below.
    const values = `70 90x${steps} 70x${steps}`;
    const at = (seconds: number, fires: boolean) =>
      `    - { eval_time: ${seconds}s, alertname: hot, exp_alerts: [${fires ? "{}" : ""}] }`;
    const step = 30 / steps;
    const [firesAt, clearsAt] = [30 + step, 30 + 2 * step + 20];
    const checks = [at(firesAt - 1, false), at(firesAt, true), at(clearsAt - 1, true), at(clearsAt, false)];
    const text = `- interval: ${interval}\n  input_series: [{ series: temp, values: ${values} }]\n  alert_rule_test:\n`;
    expect([interval, failures(text + checks.join("\n"))]).toEqual([interval, []]);
  }
});

test("all that fires has to be expected, and all that is expected has to fire; order makes no difference", () => {
  const text = (expected: string) => `- interval: 10s
  input_series:
    - { series: 'load{device="a",line="1"}', values: 20x9 }
    - { series: 'load{device="b",line="2"}', values: 95x9 }
  alert_rule_test:
    - eval_time: 60s
      alertname: load
      exp_alerts: ${expected}`;
  expect(failures(text('[{ exp_labels: { line: "2", severity: critical } }, { exp_labels: { device: a } }]'))).toEqual(
    [],
  );
  expect(failures(text("[{}, {}]"))).toEqual([]);
  expect(failures(text("[]"))).toEqual(["60s load: 0 missing, got a low,b critical"]);
  expect(failures(text("[{}]"))).toEqual(["60s load: 0 missing, got b critical"]);
  expect(failures(text("[{}, {}, {}]"))).toEqual(["60s load: 1 missing, got "]);
  const said =
    'exp_annotations: { title: load of a is 20, description: line 1, runbook: "https://wiki.example.org/load" }';
  expect(failures(text(`[{ exp_labels: { alertname: load, nowhere: "" }, ${said} }, {}]`))).toEqual([]);
  expect(failures(text("[{ exp_annotations: { title: load } }, {}]"))).toEqual(["60s load: 1 missing, got b critical"]);
});

test("a series is there from its first value on", () => {
  const text = `- interval: 10s
  input_series: [{ series: 'temp{device="a"}', values: _x60 1x6 _x60 }]
  alert_rule_test:
    - { eval_time: 10m, alertname: silent }
    - { eval_time: 710s, alertname: silent }
    - { eval_time: 720s, alertname: silent, exp_alerts: [{ exp_labels: { device: a } }] }
    - { eval_time: 400d, alertname: silent, exp_alerts: [{}] }`;
  expect(failures(text)).toEqual([]);
});

test("groups, watchdogs and rules that are disabled are as they are live; checks may stand in any order", () => {
  const text = `- interval: 10s
  input_series:
    - { series: 'temp{site="n",device="a"}', values: 70 90x9 }
    - { series: 'temp{site="n",device="b"}', values: 90x9 }
    - { series: 'temp{site="s",device="c"}', values: 70x9 }
  alert_rule_test:
    - { eval_time: 90s, alertname: site, exp_alerts: [{ exp_labels: { site: n } }] }
    - { eval_time: 0s, alertname: watchdog, exp_alerts: [{}] }
    - { eval_time: 9s, alertname: site, exp_alerts: [{ exp_labels: { site: n, severity: medium } }] }
    - { eval_time: 30s, alertname: off }
    - { eval_time: 50s, alertname: site, exp_alerts: [] }
    - { eval_time: 20s, alertname: site, exp_alerts: [{}, {}] }
- alert_rule_test: [{ eval_time: 0s, alertname: hot }]`;
  expect(failures(text)).toEqual(["50s site: 0 missing, got  medium", "20s site: 1 missing, got "]);
});

describe("devices", () => {
  const text = (checks: string) => `- interval: 1m
  input_devices:
    - { device: a, site: n, parent: gw, tags: { line: "4" }, states: online offlinex3 stale _x5 }
    - { device: b, site: n, tags: { line: "4" }, states: _x2 offlinex4 deleted }
    - { device: c, site: s, tags: { line: "4" }, states: offlinex9 }
    - { device: d, site: n, states: offlinex9 }
  alert_rule_test:
${checks}`;

  test("have the states that a test gives them, and facts to go by", () => {
    const checks = `    - { eval_time: 2m, alertname: gone }
    - { eval_time: 3m, alertname: gone, exp_alerts: [{ exp_labels: { device: a, parent: gw }, exp_annotations: { title: a is offline } }] }
    - { eval_time: 4m, alertname: gone, exp_alerts: [{}, { exp_labels: { device: b } }] }
    - { eval_time: 5m, alertname: gone, exp_alerts: [{ exp_labels: { device: a } }, { exp_labels: { device: b } }] }
    - { eval_time: 6m, alertname: gone, exp_alerts: [{ exp_labels: { device: b } }] }
    - { eval_time: 7m, alertname: gone }`;
    expect(failures(text(checks))).toEqual([]);
  });

  test("are refused by name where their states are none", () => {
    const wrong = (states: string) => () => failures(text("").replace("offlinex9", states));
    expect(wrong("broken")).toThrow('"broken" is none: wanted never_seen, online, late, offline, stale or deleted');
    expect(wrong("online x3")).toThrow('"x3" is none');
    expect(wrong("onlinex1000000")).toThrow("onlinex1000000 makes it longer than 1000000 states");
    expect(wrong('""')).toThrow("wanted never_seen, online");
    expect(() => failures(text("").replace("device: b", "device: a"))).toThrow("wanted another one than before");
  });
});

describe("matching", () => {
  const firing = (...names: string[]) => {
    return names.map((n): FiringAlert => ({ labels: { n }, annotations: { title: "", description: "", runbook: "" } }));
  };

  test("gives up an alert to what fits nothing else", () => {
    const any = { labels: {}, annotations: {} };
    const one = { labels: { n: "1" }, annotations: {} };
    const two = { labels: { n: "2" }, annotations: {} };
    expect(differenceOf([any, one], firing("1", "2"))).toEqual({ missing: [], others: [] });
    expect(differenceOf([any, one, two], firing("1", "2", "3"))).toEqual({ missing: [], others: [] });
    expect(differenceOf([one, one], firing("1", "2"))).toEqual({ missing: [one], others: firing("2") });
  });
});
