/** docs/alerts.md: its examples are taken by the server and the commands as they stand there. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { rulesCommand } from "../src/cli/rules.ts";
import { NOTIFY_SECTIONS, notifySetupOf } from "../src/alerts/notify-setup.ts";
import { runRuleTest } from "../src/alerts/rule-tests/run-rule-test.ts";
import { parseRuleTests } from "../src/alerts/rule-tests/test-file.ts";
import { parseRulesFile } from "../src/alerts/rules-file.ts";
import { ConditionSchema } from "../src/wire/gen/rules_pb.ts";

const page = readFileSync(join(import.meta.dir, "../docs/alerts.md"), "utf8");
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text], i) => ({
  name: `example ${i + 1}`,
  text,
}));
const isTest = ({ text }: { readonly text: string }) => text.startsWith("rule_files:");

test("every example is a rules file, and there is one of every kind of condition", () => {
  const sections = Object.fromEntries(NOTIFY_SECTIONS.map((key) => [key, z.unknown()]));
  const files = examples.filter((each) => !isTest(each)).map(({ name, text }) => parseRulesFile(name, text, sections));
  const kinds = new Set<string>(files.flatMap(({ rules }) => rules.map(({ condition }) => condition.kind)));
  expect([...kinds].sort()).toEqual(ConditionSchema.fields.map(({ name }) => name).sort());
  const env = { MAIL_PASSWORD: "secret", MES_SECRET: "secret" };
  const told = files.map((file) => notifySetupOf(file.sections, env).receivers.map(({ name }) => name));
  expect(told.filter((names) => names.length > 0)).toEqual([
    ["ops", "on-call", "presses", "dead-mans-switch"],
    ["anna", "ben", "lead"],
  ]);
});

test("or a file of unit tests, which pass", () => {
  const rule = "{ name: hot, metric: temp, condition: { threshold: { above: 80 } }, for: 30s, severity: high }";
  const { rules } = parseRulesFile("rules.yaml", `rules: [${rule}]`);
  const tests = examples.filter(isTest).flatMap(({ name, text }) => parseRuleTests(name, text).tests);
  expect(tests).toHaveLength(1);
  expect(tests.flatMap((each) => runRuleTest(rules, each))).toEqual([]);
});

test("so is the one in the help", () => {
  let help = "";
  const command = rulesCommand();
  command.configureOutput({ writeOut: (text) => void (help += text) });
  command.outputHelp();
  const [, text] = /^( {2}rules:\n(?: {4}.*\n)+)/m.exec(help)!;
  expect(parseRulesFile("help", text).rules).toHaveLength(1);
});
