/** docs/alerts-cookbook.md: each rule has a test, in which it fires and in which it does not. */
import { expect, test } from "bun:test";
import { parseRuleTests } from "../../src/alerts/rule-tests/test-file.ts";
import { runRuleTest } from "../../src/alerts/rule-tests/run-rule-test.ts";
import { parseRulesFile } from "../../src/alerts/rules-file.ts";
import { fencedBlocks } from "./fenced-blocks.ts";

const PAGE = "docs/alerts-cookbook.md";
const texts = fencedBlocks().filter(({ page, language }) => page === PAGE && language === "yaml");
const isTest = (text: string) => text.startsWith("rule_files:");
const rules = texts.filter(({ text }) => !isTest(text)).flatMap(({ text }) => parseRulesFile(PAGE, text).rules);
const tests = texts.filter(({ text }) => isTest(text)).flatMap(({ text }) => parseRuleTests(PAGE, text).tests);

test("there are ten, and the test of each passes", () => {
  expect(rules).toHaveLength(10);
  expect(tests.flatMap((each) => runRuleTest(rules, each))).toEqual([]);
});

test("each is seen firing, and not", () => {
  for (const { name } of rules) {
    const looks = tests.flatMap(({ checks }) => checks).filter(({ rule }) => rule === name);
    const isFiring = new Set(looks.map(({ alerts }) => alerts.length > 0));
    expect({ name, isFiring }).toEqual({ name, isFiring: new Set([false, true]) });
  }
});
