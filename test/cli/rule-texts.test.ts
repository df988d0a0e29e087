/** Rules as tables, files and plans say them. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { messageOfRule } from "../../src/alerts/rule-message.ts";
import { ruleOf } from "../../src/alerts/rule-input.ts";
import { parseRulesFile } from "../../src/alerts/rules-file.ts";
import { conditionWords, severityWords } from "../../src/wire/rule-words.ts";
import { rulesYaml } from "../../src/cli/rule-yaml.ts";
import { planRules } from "../../src/cli/rules-plan.ts";
import { RuleInfoSchema, RuleSchema } from "../../src/wire/gen/rules_pb.ts";
import { arbitraryRule } from "../alerts/arbitrary-rule.ts";

function message(input: object) {
  return create(RuleSchema, messageOfRule(ruleOf({ name: "r", metric: "m", ...input })));
}

const words = (condition: object, more: object = {}) => conditionWords(message({ condition, ...more }));

test("conditions in words", () => {
  expect(words({ threshold: { above: 80, clear: 75 } }, { for: "30s" })).toBe("above 80, clear 75, for 30s");
  expect(words({ threshold: { below: -0.5 } }, { for: "90s", keep_firing_for: "5m" })).toBe(
    "below -0.5, for 1m30s, keeps firing for 5m",
  );
  const steps = [
    { severity: "low", above: 1 },
    { severity: "high", above: 2, clear: 1.5 },
  ];
  expect(words({ ladder: { steps } })).toBe("low above 1; high above 2, clear 1.5");
  expect(words({ range: { low: 0, high: 1 } })).toBe("inside 0 to 1");
  expect(words({ range: { low: 30, high: 60, outside: true, margin: 2 } })).toBe("outside 30 to 60, margin 2");
  expect(words({ window: { function: "p95", over: "5m", above: 9 } })).toBe("p95 over 5m above 9");
  expect(words({ window: { function: "avg", over: "1h", below: 9, clear: 10, min_points: 3 } })).toBe(
    "avg over 1h below 9, clear 10, of 3 points or more",
  );
  expect(words({ rate: { over: "2m", below: -0.2 } })).toBe("change a second over 2m below -0.2");
  expect(words({ n_of_m: { n: 3, m: 5, above: 7 } })).toBe("3 of 5 samples above 7");
  expect(words({ stuck: { over: "30m" } })).toBe("stuck over 30m");
  expect(words({ stuck: { over: "30m", epsilon: 0.01 } })).toBe("stuck over 30m, within 0.01");
  expect(words({ absence: {} })).toBe("nothing heard");
  expect(words({ absence: { after: "10m" } })).toBe("nothing heard for 10m");
  expect(words({ deviation: {} })).toBe("4 sigmas from its past of 1h");
  expect(words({ deviation: { sigmas: 3, span: "6h", direction: "above" } })).toBe("3 sigmas above its past of 6h");
  expect(words({ seasonal: { zone: "Europe/Berlin", direction: "below" } })).toBe(
    "4 sigmas below what is usual at the hour (3 weeks, Europe/Berlin)",
  );
  expect(conditionWords(message({ metric: undefined, condition: { watchdog: {} } }))).toBe("always");
  expect(conditionWords(create(RuleSchema, {}))).toBe("?");
});

test("severities in words", () => {
  expect(severityWords(message({ condition: { absence: {} } }))).toBe("medium");
  const ladder = (...severities: string[]) => {
    return message({ condition: { ladder: { steps: severities.map((severity, i) => ({ severity, above: i })) } } });
  };
  expect(severityWords(ladder("low", "high", "critical"))).toBe("low to critical");
  expect(severityWords(ladder("high"))).toBe("high");
});

test("a file of rules says the same rules, without what steers a terminal", () => {
  const texts = fc.constantFrom(
    "",
    "\x1b[2J",
    "a\u202eb\u{e0001}",
    "two\n\x9blines\n",
    "\u2028",
    "- 'x': {y}",
    "1e3",
    "no",
  );
  fc.assert(
    fc.property(arbitraryRule, texts, texts, (rule, description, label) => {
      const labels: Record<string, string> = { ...rule.labels, ...(label === "" ? {} : { extra: label }) };
      const hostile = { ...rule, description: description.replaceAll(/[{}]/g, "$&$&"), labels };
      const yaml = rulesYaml([create(RuleSchema, messageOfRule(hostile))]);
      expect(parseRulesFile("rules.yaml", yaml).rules).toEqual([{ ...hostile, isFromFile: true }]);
      expect(yaml).not.toMatch(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
    }),
    { numRuns: 300 },
  );
});

test("a plan: what is new, what differs and in what, which alerts end, what others have", () => {
  const rule = (name: string, more: object = {}) => {
    return ruleOf({ name, metric: "m", condition: { threshold: { above: 1 } }, ...more });
  };
  const info = (name: string, more: object = {}, isFromFile = false) => {
    const standing = messageOfRule({ ...rule(name, more), isFromFile });
    return create(RuleInfoSchema, { rule: standing, firing: 3n });
  };
  const standing = [
    info("file", {}, true),
    info("other"),
    info("same", { for: "60s" }),
    info("severity", { severity: "low" }),
    info("text", { title: "old" }),
    info("theirs", { title: "theirs" }, true),
  ];
  const wanted = [
    rule("text"),
    rule("new"),
    rule("severity"),
    rule("same", { for: "1m" }),
    rule("theirs"),
    rule("file"),
  ].map((each) => ({ ...each, isFromFile: true }));
  const steps = (prunes: boolean) => {
    return planRules(wanted, standing, { prunes }).map(({ action, name, fields, ends, isOfServerFile, rule: put }) => {
      return [action, name, fields.join(), Number(ends), isOfServerFile, put !== undefined].join(" ");
    });
  };
  const plan = [
    "change text title 0 false true",
    "create new  0 false true",
    "change severity severity 3 false true",
    "keep same  0 false false",
    "change theirs title 0 true true",
    "keep file  0 false false",
  ];
  expect(steps(false)).toEqual(plan);
  expect(steps(true)).toEqual([...plan, "delete other  3 false false"]);
});
