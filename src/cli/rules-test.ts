/** `watchpost rules test`: unit tests of rules, without a server. */
import { dirname, join } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import type { Problem } from "../alerts/input/problem.ts";
import { closestName } from "../model/closest-name.ts";
import type { Rule } from "../alerts/rule.ts";
import { runRuleTest } from "../alerts/rule-tests/run-rule-test.ts";
import { parseRuleTests, type RuleTestFile } from "../alerts/rule-tests/test-file.ts";
import { WatchpostError } from "../model/errors.ts";
import { contentOf, nameOf, readRules } from "./read-rules.ts";
import { failureText } from "./rule-test-text.ts";

const HELP = `
A test file is written as for promtool test rules. This is a whole one:

  rule_files: [rules.yaml]                 # paths or globs, from where this file is
  tests:
    - interval: 10s
      input_series:
        - series: 'temp{source="gw-1",device="pump-1"}'
          values: '70 81+1x5 _x3 70'       # a+bxN: a and N more; _: nothing
      input_devices:                       # for rules on the status of devices
        - device: pump-1                   # also: site, type, parent, tags
          states: 'online offlinex9 _x3 deleted'
      alert_rule_test:
        - eval_time: 1m
          alertname: hot
          exp_alerts:                      # without: none fires
            - exp_labels: { device: pump-1, severity: high }
              exp_annotations: { title: "temp of pump-1 is 86" }

An alert that fires is an expected one if it has all of exp_labels and exp_annotations (title, description, runbook); it may
have other labels. Every alert of the rule that fires has to be one of them. The exit code is 1 where a test fails, and 2
where a file is wrong.

Examples:
  watchpost rules test tests/*.yaml`;

/** A test file with the rules that it is about. */
interface ReadFile {
  readonly name: string;
  readonly file: RuleTestFile;
  readonly rules: readonly Rule[];
}

export function rulesTestCommand(): Command {
  return new Command("test")
    .summary("unit tests for rules, written like promtool's; needs no server")
    .description("Runs unit tests of rules, written like promtool's. Needs no server.")
    .argument("<file...>", "test files; - is standard input")
    .addHelpText("after", HELP)
    .action(test);
}

async function test(paths: string[]): Promise<void> {
  let [checks, failed] = [0, 0];
  const files = await readFiles(paths);
  for (const { name, file, rules } of files) {
    const total = file.tests.reduce((sum, each) => sum + each.checks.length, 0);
    const failures = file.tests.flatMap((each, i) =>
      runRuleTest(rules, each).map((failure) => {
        const { line, column } = file.placeOf(["tests", i, "alert_rule_test", failure.index]);
        return `  ${name}:${line}:${column}: ${failureText(failure, each.name)}`;
      }),
    );
    const count = failures.length === 0 ? pc.green("passed") : pc.red(`${failures.length} of ${total} FAILED`);
    console.log(`${name}: ${failures.length === 0 ? `${total} ${count}` : count}`);
    for (const failure of failures) console.log(failure);
    checks += total;
    failed += failures.length;
  }
  const passed = `${(checks - failed).toLocaleString("en-US")} passed, ${failed.toLocaleString("en-US")} failed`;
  if (files.length > 1) console.log(`${files.length} files: ${passed}`);
  if (failed > 0) process.exitCode = 1;
}

/** Throws with all that is wrong with any. */
async function readFiles(paths: readonly string[]): Promise<ReadFile[]> {
  const wrong: string[] = [];
  const files: ReadFile[] = [];
  for (const path of new Set(paths)) {
    try {
      const file = parseRuleTests(nameOf(path), await contentOf(path));
      const rules = await rulesFor(file, path === "-" ? "." : dirname(path));
      files.push({ name: nameOf(path), file, rules });
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      wrong.push(error.message);
    }
  }
  if (wrong.length > 0) throw new WatchpostError("FAILED_PRECONDITION", wrong.join("\n"));
  return files;
}

/** Those of all files that it names, which have all rules that it checks. */
async function rulesFor(file: RuleTestFile, folder: string): Promise<Rule[]> {
  const problems: Problem[] = [];
  const rules = new Map<string, { readonly rule: Rule; readonly path: string }>();
  for (const [i, wanted] of file.ruleFiles.entries()) {
    const found = await pathsOf(wanted, folder);
    if (found.length === 0) problems.push(problem(["rule_files", i], wanted, "a file that is there"));
    for (const path of found) {
      for (const rule of (await readRules(path)).rules) {
        const before = rules.get(rule.name);
        if (before !== undefined && before.path !== path) {
          const text = `has the rule ${JSON.stringify(rule.name)} in ${path}; ${before.path} has it, too`;
          problems.push({ path: ["rule_files", i], text, isKey: false });
        }
        rules.set(rule.name, { rule, path });
      }
    }
  }
  for (const [i, { checks }] of file.tests.entries()) {
    for (const [j, check] of checks.entries()) {
      const wanted = wantedInstead(check.rule, rules);
      if (wanted !== undefined) {
        problems.push(problem(["tests", i, "alert_rule_test", j, "alertname"], check.rule, wanted));
      }
    }
  }
  if (problems.length > 0) throw file.errorOf(problems);
  return [...rules.values()].map(({ rule }) => rule);
}

/** Undefined where the rule of that name can be tested. */
function wantedInstead(name: string, rules: ReadonlyMap<string, { readonly rule: Rule }>): string | undefined {
  const found = rules.get(name);
  if (found === undefined) {
    const closest = closestName(name, [...rules.keys()]);
    return closest === undefined ? "a rule of rule_files" : `a rule of rule_files; did you mean ${closest}?`;
  }
  if (found.rule.condition.kind !== "seasonal") return undefined;
  return "another rule: a seasonal one goes by weeks that are stored, for which there is rules backtest";
}

function problem(path: Problem["path"], given: string, wanted: string): Problem {
  return { path, text: `is ${JSON.stringify(given)}; wanted ${wanted}`, isKey: false };
}

/** In order; a path that is one of a file is no glob. */
async function pathsOf(wanted: string, folder: string): Promise<string[]> {
  if (await Bun.file(join(folder, wanted)).exists()) return [join(folder, wanted)];
  if (!/[*?[{]/.test(wanted)) return [];
  const found = await Array.fromAsync(new Bun.Glob(wanted).scan({ cwd: folder }));
  return found.sort().map((path) => join(folder, path));
}
