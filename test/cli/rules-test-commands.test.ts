/** `watchpost rules test`, which needs no server, and `rules backtest` over a server of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rulesCommand } from "../../src/cli/rules.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { unary } from "../../src/wire/service.ts";
import { startToyServer } from "../support/toy-server.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-rule-tests");
  file("rules.yaml", RULES);
}, 120_000);

afterAll(() => rig.close());

const RULES = `rules:
  - name: hot
    metric: temp
    condition: { threshold: { above: 80, clear: 75 } }
    severity: high
route: { receiver: ops }
receivers: [{ name: ops, webhook: { url: "http://127.0.0.1:9/" } }]
`;
const TESTS = `rule_files: [rules.yaml]
tests:
  - name: gets hot
    interval: 10s
    input_series:
      - series: 'temp{source="a",device="pump-1"}'
        values: '70 81+1x5 _x3 70'
    alert_rule_test:
      - eval_time: 0s
        alertname: hot
      - eval_time: 1m
        alertname: hot
        exp_alerts:
          - exp_labels: { device: pump-1, severity: high }
            exp_annotations: { title: "temp of pump-1 is 86" }
`;

function file(name: string, text: string): string {
  writeFileSync(join(rig.dir, name), text);
  return name;
}

const runTests = (...files: string[]) =>
  rig.run(["rules", "test", ...files], { env: { WATCHPOST_SERVER: "127.0.0.1:1" } });

describe("rules test", () => {
  test("passes", async () => {
    file("good.yaml", TESTS);
    expect(await runTests("good.yaml")).toEqual({ code: 0, out: "good.yaml: 2 passed\n", err: "" });
    const stdin = await rig.run(["rules", "test", "-"], { stdin: TESTS });
    expect(stdin).toEqual({ code: 0, out: "standard input: 2 passed\n", err: "" });
  }, 120_000);

  test("says of each failure where it stands, when, what was expected and what fires", async () => {
    file("good.yaml", TESTS);
    const wrong = TESTS.replace("alertname: hot\n      -", "alertname: hot\n        exp_alerts: [{}]\n      -")
      .replace("exp_labels: {", "exp_labels: { line: '3',")
      .replace("name: gets hot\n    ", "");
    file("bad.yaml", `${wrong}      - { eval_time: 1m, alertname: hot }\n`);
    expect(await runTests("good.yaml", "bad.yaml", "good.yaml")).toEqual({
      code: 1,
      err: "",
      out: [
        "good.yaml: 2 passed",
        "bad.yaml: 3 of 3 FAILED",
        "  bad.yaml:8:9: hot at 0s",
        "      expected  {}",
        "      got       nothing",
        "  bad.yaml:11:9: hot at 1m",
        '      expected  {device="pump-1", line="3", severity="high"}, title "temp of pump-1 is 86"',
        '      got       {device="pump-1", metric="temp", severity="high", source="a"}, title "temp of pump-1 is 86"',
        "  bad.yaml:16:9: hot at 1m",
        "      expected  nothing",
        '      got       {device="pump-1", metric="temp", severity="high", source="a"}, title "temp of pump-1 is 86"',
        "2 files: 2 passed, 3 failed",
        "",
      ].join("\n"),
    });
    file("named.yaml", TESTS.replace("device: pump-1", "device: pump-2"));
    expect((await runTests("named.yaml")).out).toContain("named.yaml:11:9: hot at 1m (gets hot)\n");
  }, 120_000);

  test("finds rules from where the test file is, by globs, too", async () => {
    mkdirSync(join(rig.dir, "deep/rules"), { recursive: true });
    file("deep/rules/a.yaml", RULES);
    file("deep/rules/b.yaml", RULES.replace("name: hot", "name: other"));
    file("deep/t.yaml", TESTS.replace("rules.yaml", '"rules/*.yaml"'));
    expect(await runTests("deep/t.yaml")).toMatchObject({ code: 0, out: "deep/t.yaml: 2 passed\n" });
    file("deep/rules/b.yaml", RULES);
    const { code, err } = await runTests("deep/t.yaml");
    expect([code, err]).toEqual([
      2,
      expect.stringContaining(
        'deep/t.yaml:1:14: rule_files[0] has the rule "hot" in deep/rules/b.yaml; deep/rules/a.yaml has it, too',
      ),
    ]);
  }, 120_000);

  test("runs nothing where a file is wrong, and says all that is, with file, line and column", async () => {
    file("good.yaml", TESTS);
    file(
      "no-rules.yaml",
      TESTS.replace("rules.yaml", "nowhere.yaml").replace("alertname: hot\n      -", "alertname: hut\n      -"),
    );
    file("no-rule.yaml", TESTS.replace("alertname: hot\n      -", "alertname: hut\n      -"));
    file("seasonal.yaml", "rules: [{ name: hot, metric: temp, condition: { seasonal: {} } }]");
    file("of-seasonal.yaml", TESTS.replace("rules.yaml", "seasonal.yaml"));
    file("bad-rules.yaml", "rules: [{ name: hot }]");
    file("of-bad-rules.yaml", TESTS.replace("rules.yaml", "bad-rules.yaml"));
    file(
      "bad-tests.yaml",
      `rule_files: []
tests:
  - interval: 10
    input_series:
      - { series: 'temp{source=a}', values: 1+1 }
      - { series: temp, values: 1 }
      - { series: temp, values: 2 }
    promql_expr_test: []
    alert_rule_test:
      - { eval_time: 1m, alertname: hot, exp_alerts: [{ exp_labels: { line: 3 }, exp_annotations: { summary: x } }] }
`,
    );
    const names = [
      "no-rules.yaml",
      "no-rule.yaml",
      "of-bad-rules.yaml",
      "of-seasonal.yaml",
      "bad-tests.yaml",
      "nowhere.yaml",
    ];
    const { code, out, err } = await runTests("good.yaml", ...names);
    expect([code, out]).toEqual([2, ""]);
    for (const sentence of [
      'no-rules.yaml:1:14: rule_files[0] is "nowhere.yaml"; wanted a file that is there',
      'no-rule.yaml:10:20: tests[0].alert_rule_test[0].alertname is "hut"; wanted a rule of rule_files; did you mean hot?',
      'of-seasonal.yaml:10:20: tests[0].alert_rule_test[0].alertname is "hot"; wanted another rule: a seasonal one goes by',
      "bad-rules.yaml:1:9: rules[0].condition is missing",
      "bad-tests.yaml:1:13: rule_files has 0 files; wanted 1 to 1000",
      "bad-tests.yaml:3:15: tests[0].interval is 10; wanted a duration",
      'bad-tests.yaml:5:19: tests[0].input_series[0].series is "temp{source=a}"; wanted a metric and its labels',
      'bad-tests.yaml:5:45: tests[0].input_series[0].values is "1+1"; "1+1" is none of them: wanted numbers',
      'bad-tests.yaml:7:19: tests[0].input_series[2].series is "temp"; wanted another one than before',
      "bad-tests.yaml:8:5: tests[0].promql_expr_test is unknown; wanted name, interval, input_series, input_devices or alert_rule_test",
      "exp_labels.line is 3; wanted text, in quotes where it looks like something else",
      "exp_annotations.summary is unknown; wanted title, description or runbook",
      "nowhere.yaml cannot be read",
    ]) {
      expect(err).toContain(sentence);
    }
  }, 120_000);

  test("the example in the help is a whole one", async () => {
    let help = "";
    const command = rulesCommand().commands.find((each) => each.name() === "test")!;
    command.configureOutput({ writeOut: (text) => void (help += text) });
    command.outputHelp();
    const [text] = /^ {2}rule_files:.*\n(?: {2}.*\n)+/m.exec(help)!;
    file("help.yaml", text);
    expect((await runTests("help.yaml")).out).toBe("help.yaml: 1 passed\n");
  }, 120_000);
});

describe("rules backtest", () => {
  const NOBODY = "nobody is told of alerts: the server has no rules file that names receivers";
  const FROM = Date.UTC(2026, 0, 1);
  const range = ["--from", "2026-01-01", "--to", "2026-01-02"];

  beforeAll(async () => {
    // Every ten seconds for an hour: hot in minutes 10 to 14, 20 to 24, and from 59 on.
    const lines = Array.from({ length: 360 }, (_, i) => {
      const minute = Math.floor(i / 6);
      const isHot = (minute >= 10 && minute < 15) || (minute >= 20 && minute < 25) || minute >= 59;
      return ["pump-1", "pump-2"].map((device) => {
        const value = isHot && device === "pump-1" ? 90 : 50;
        return JSON.stringify({ metric: "temp", value, timestamp: FROM / 1_000 + i * 10, tags: { device } });
      });
    });
    file("points.jsonl", lines.flat().join("\n"));
    await rig.ok(["upload", "points.jsonl", "--source", "gw"]);
  }, 120_000);

  test("of a file: when its rules would have fired, how long and how grave; changes nothing", async () => {
    expect(await rig.run(["rules", "backtest", "rules.yaml", ...range])).toEqual({
      code: 0,
      err: "",
      out: [
        "hot: 3 alerts, 23h11m firing, the longest for 23h1m (2 series, 720 points)",
        "FIRED                 LASTED  CLEARED       SEVERITY  ALERT",
        "2026-01-01T00:10:00Z      5m  resolved      high      temp of pump-1 is 90",
        "2026-01-01T00:20:00Z      5m  resolved      high      temp of pump-1 is 90",
        "2026-01-01T00:59:00Z   23h1m  still firing  high      temp of pump-1 is 90",
        NOBODY,
        "",
      ].join("\n"),
    });
    expect(await rig.ok(["rules", "list", "--json"])).toBe("");
    expect(await rig.ok(["alerts"])).toBe("no alert is active; --cleared shows those that are over\n");
  }, 120_000);

  test("of several, with what they come to together; says what is not shown", async () => {
    const several = `${RULES}  `.replace(
      "rules:\n",
      `rules:
  - { name: none, metric: nowhere, condition: { threshold: { above: 1 } } }
  - { name: cold, metric: temp, where: [device=pump-2], condition: { threshold: { below: 0 } } }
  - { name: "on", condition: { watchdog: {} }, severity: low, disabled: true }
`,
    );
    const out = await rig.ok(["rules", "backtest", "-", ...range, "--limit", "2"], { stdin: several });
    const lines = out.split("\n");
    expect(lines[0]).toBe("none: no alert (no series matches)");
    expect(lines[2]).toBe("cold: no alert (1 series, 360 points)");
    expect(lines[4]).toBe("on: 1 alert, 1d firing");
    expect(out).toContain("hot: 3 alerts, 23h11m firing, the longest for 23h1m (2 series, 720 points)\n");
    expect(lines.filter((line) => line.includes("temp of pump-1"))).toHaveLength(2);
    expect(out).toEndWith(
      `the first 2 are shown; --limit shows more\n\n4 rules: 4 alerts, 1d23h11m firing, the longest for 1d\n${NOBODY}\n`,
    );
  }, 120_000);

  test("of rules in force, by name or glob; JSON for programs", async () => {
    await rig.ok(["rules", "apply", "-"], { stdin: RULES });
    expect(await rig.ok(["rules", "backtest", "hot", ...range])).toStartWith("hot: 3 alerts, ");
    const { out, err, code } = await rig.run(["rules", "backtest", "h*", ...range, "--json", "--limit", "1"]);
    expect([code, err]).toEqual([0, "hot: there were more alerts than 1; --limit gives more\n"]);
    expect(JSON.parse(out)).toMatchObject({
      rule: "hot",
      labels: { device: "pump-1" },
      firedAt: "2026-01-01T00:10:00Z",
    });
    const last = await rig.ok(["rules", "backtest", "hot", "--last", "1h"]);
    expect(last).toBe("hot: no alert (2 series, 0 points)\n");
  }, 120_000);

  test("says who would have been told, where the server's rules file names receivers", async () => {
    const own = await startCommandRig("cli-backtest-told");
    try {
      // Nobody listens there, and nobody is to be told.
      const receiver = (name: string) => `  - { name: ${name}, webhook: { url: "http://127.0.0.1:1/" } }\n`;
      const policy = "steps: [{ after: 1m, notify: lead, raise_severity: critical }], repeat_after: 10m";
      const sections = `escalations: [{ name: plant, ${policy} }]\nroute: { receiver: ops }\nreceivers:\n`;
      writeFileSync(join(own.dir, "own.yaml"), `${sections}${receiver("ops")}${receiver("lead")}rules: []\n`);
      writeFileSync(join(own.dir, "settings.toml"), `[alerts]\nrules_file = "${join(own.dir, "own.yaml")}"\n`);
      await own.restart(undefined, ["--config", join(own.dir, "settings.toml")]);
      await own.ok(["upload", join(rig.dir, "points.jsonl"), "--source", "gw"]);
      const stdin = RULES.replace("severity: high", "severity: high\n    escalation: plant");
      const out = await own.ok(["rules", "backtest", "-", "--from", "2026-01-01", "--to", "2026-01-01T00:18Z"], {
        stdin,
      });
      expect(out).toBe(
        `hot: 1 alert, 5m firing (2 series, 216 points)
FIRED                 LASTED  CLEARED   SEVERITY  TOLD  ALERT
2026-01-01T00:10:00Z      5m  resolved  critical   30s  temp of pump-1 is 90
5 notifications: 3 to ops, 2 to lead
AT                    RECEIVER  CHANNEL  WHY        ALERTS
2026-01-01T00:10:30Z  ops       webhook  first      high: temp of pump-1 is 90
2026-01-01T00:11:00Z  lead      webhook  escalated  critical: temp of pump-1 is 90
2026-01-01T00:11:00Z  ops       webhook  rose       critical: temp of pump-1 is 90
2026-01-01T00:15:00Z  lead      webhook  resolved   over: temp of pump-1 is 90
2026-01-01T00:16:00Z  ops       webhook  resolved   over: temp of pump-1 is 90
1 step of escalation
AT                    POLICY  STEP  TOLD  RAISED TO  ALERTS
2026-01-01T00:11:00Z  plant   1     lead  critical   critical: temp of pump-1 is 90
`,
      );
      const json = await own.run(["rules", "backtest", "-", ...range, "--json", "--limit", "3"], { stdin });
      const lines = json.out.trim().split("\n");
      const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
      expect(kinds).toEqual([
        "alert",
        "alert",
        "alert",
        ...Array(3).fill("notification"),
        ...Array(3).fill("escalation"),
      ]);
      expect(json.err).toBe(
        `hot: there were more notifications than 3; --limit gives more
hot: there were more steps of escalation than 3; --limit gives more
`,
      );
      expect(await own.ok(["alerts"])).toBe("no alert is active; --cleared shows those that are over\n");
    } finally {
      await own.close();
    }
  }, 120_000);

  test("says what is wrong with what is asked", async () => {
    for (const [args, code, sentence] of [
      [["nope"], 1, 'there is no file and no rule "nope"'],
      [["rules.yaml", "--last", "1h", "--from", "-2h"], 2, "cannot be used with"],
      [["rules.yaml", "--from", "-1h", "--to", "-2h"], 2, "hot: from is"],
      [["empty.yaml"], 2, "empty.yaml has no rules; wanted at least one"],
      [["rules.yaml", "--server", "127.0.0.1:1"], 1, "ECONNREFUSED"],
    ] as const) {
      file("empty.yaml", "rules: []");
      const { err, ...rest } = await rig.run(["rules", "backtest", ...args]);
      expect([args.join(" "), rest.code, err]).toEqual([args.join(" "), code, expect.stringContaining(sentence)]);
    }
  }, 120_000);

  test("says where there were more than the server looks at", async () => {
    const episode = { title: "x", firedAt: { seconds: 1_767_225_600n, nanos: 0 } };
    await using toy = await startToyServer([
      unary(Alerts.method.testRule, async () => ({ episodes: [episode, episode], series: 1n, points: 9n, more: true })),
    ]);
    const args = ["rules", "backtest", "rules.yaml", ...range, "--server", toy.address];
    const words = "hot: more than 2 alerts, more than 2d firing, the longest for 1d (1 series, 9 points)\n";
    expect(await rig.ok(args)).toStartWith(words);
    expect((await rig.run([...args, "--json"])).err).toContain("hot: there were more alerts than 2");
  }, 120_000);
});
