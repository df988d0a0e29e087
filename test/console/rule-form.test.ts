/** The form for rules: what it shows is what is saved, and what it does not know wholly stays as it is. */
import { clone, create, equals, fromBinary, toBinary, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ruleOf } from "../../src/alerts/rule-input.ts";
import { messageOfRule, ruleOfMessage } from "../../src/alerts/rule-message.ts";
import { withLimit } from "../../src/console/views/alerts/rules/condition-form.ts";
import { KINDS, wireName } from "../../src/console/views/alerts/rules/condition-kinds.ts";
import { isTestable, newRule } from "../../src/console/views/alerts/rules/rule-draft.ts";
import { problemAt, shortText } from "../../src/console/views/alerts/problems.ts";
import {
  endsAlerts,
  formOfRule,
  isWhollyKnown,
  jsonOfRule,
  ruleOfForm,
  ruleOfJson,
} from "../../src/console/views/alerts/rules/rule-form.ts";
import { ConditionSchema, RuleSchema, type Rule } from "../../src/wire/gen/rules_pb.ts";
import { arbitraryRule } from "../alerts/arbitrary-rule.ts";

const messageOf = (input: object) => create(RuleSchema, messageOfRule(ruleOf({ name: "r", metric: "m", ...input })));

/** Any message of a kind, right or wrong: each field is there or not. */
function anyMessage(schema: DescMessage): fc.Arbitrary<ReflectMessage> {
  const fields = schema.fields.map((field) => fc.option(anyField(field), { nil: undefined }));
  return fc.tuple(...fields).map((values) => {
    const message = reflect(schema);
    for (const [i, field] of schema.fields.entries()) {
      const value = values[i];
      if (value === undefined) continue;
      if (field.fieldKind === "list") for (const each of value as never[]) message.get(field).add(each);
      else if (field.fieldKind === "map")
        for (const [key, each] of value as [string, never][]) message.get(field).set(key, each);
      else message.set(field, value as never);
    }
    return message;
  });
}

function anyField(field: DescField): fc.Arbitrary<unknown> {
  const { fieldKind } = field;
  if (fieldKind === "message") return anyMessage(field.message);
  if (fieldKind === "list") {
    return fc.array(field.message === undefined ? anyScalar("string") : anyMessage(field.message), { maxLength: 3 });
  }
  if (fieldKind === "map") return fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 });
  const names: Record<number, string> = { 1: "double", 5: "int32", 8: "bool", 9: "string" };
  return anyScalar(names[field.scalar!]);
}

function anyScalar(type: string): fc.Arbitrary<unknown> {
  // JSON has no -0.
  if (type === "double") return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  if (type === "int32") return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  return type === "bool" ? fc.boolean() : fc.string({ unit: "grapheme", maxLength: 12 });
}

describe("what the form shows is what is saved", () => {
  test("every rule that the server takes is known wholly, and saved as it was", () => {
    fc.assert(
      fc.property(arbitraryRule, (rule) => {
        const message = create(RuleSchema, messageOfRule(rule));
        const { rule: saved, problems } = ruleOfForm(formOfRule(message));
        if (!isWhollyKnown(message)) {
          // Keys of labels and groups may end with spaces: then it is JSON that is shown.
          expect(JSON.stringify([message.groupBy, Object.keys(message.labels), message.where])).toMatch(/\s/u);
          return;
        }
        expect(problems).toEqual([]);
        expect(ruleOfMessage(saved)).toEqual(ruleOfMessage(message));
      }),
    );
  });

  test("there is a form for every kind of condition of the wire", () => {
    expect(KINDS.map(({ kind }) => kind).sort() as string[]).toEqual(
      ConditionSchema.fields.map((f) => f.localName).sort(),
    );
  });

  test("what a kind begins with, and a limit, is a rule that the server takes", () => {
    const begun = formOfRule(newRule("m", []));
    for (const { kind, initial, limit } of KINDS) {
      const numbers = limit !== undefined ? { at: "5" } : kind === "range" ? { low: "1", high: "2" } : {};
      const steps = kind === "ladder" ? [{ severity: "high", at: "5", clear: "" }] : [];
      const { rule, problems } = ruleOfForm({
        ...{ ...begun, name: "r", kind, steps, statuses: ["offline"] },
        texts: { [kind]: { ...initial, ...numbers } },
      });
      expect(problems).toEqual([]);
      expect(isTestable(rule)).toBe(true);
      expect(ruleOfMessage(rule).condition.kind).toBe(wireName(kind) as never);
    }
  });

  test("any message is either known wholly, or its JSON says all of it", () => {
    let known = 0;
    fc.assert(
      fc.property(anyMessage(RuleSchema), (reflected) => {
        const rule = reflected.message as Rule;
        if (isWhollyKnown(rule)) {
          known++;
          expect(toBinary(RuleSchema, ruleOfForm(formOfRule(rule)).rule)).toEqual(toBinary(RuleSchema, rule));
          return;
        }
        const { fromFile } = rule;
        const again = ruleOfJson(jsonOfRule(rule));
        if (typeof again === "string") throw new Error(again);
        expect(equals(RuleSchema, { ...again, fromFile }, rule)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(isWhollyKnown(create(RuleSchema, { condition: { threshold: { above: 1, below: 2 } } }))).toBe(false);
    expect(known).toBeLessThan(300);
  });

  test("a field of a later version is not lost without a word", () => {
    const rule = messageOf({ condition: { threshold: { above: 80 } } });
    const later = fromBinary(RuleSchema, new Uint8Array([...toBinary(RuleSchema, rule), 0xf2, 0x07, 1, 0x41]));
    expect(isWhollyKnown(rule)).toBe(true);
    expect(isWhollyKnown(later)).toBe(false);
    expect(toBinary(RuleSchema, clone(RuleSchema, later))).toEqual(toBinary(RuleSchema, later));
  });
});

describe("what is typed", () => {
  const typed = (at: string, more: object = {}) => {
    const form = formOfRule(messageOf({ condition: { threshold: { above: 80 } } }));
    return ruleOfForm({ ...form, texts: { threshold: { side: "above", at } }, ...more });
  };

  test("numbers with a comma or a point; anything else is a problem at its field", () => {
    expect(typed(" 3,5 ").rule.condition?.threshold?.above).toBe(3.5);
    expect(typed("1e-3").rule.condition?.threshold?.above).toBe(0.001);
    const { problems, rule } = typed("80 °C");
    expect(problemAt(problems, "rule.condition.threshold.above")).toBe("Wanted a number");
    expect(problemAt(problems, "rule.condition.threshold", true)).toBe("Wanted a number");
    expect(rule.condition?.threshold?.above).toBeUndefined();
  });

  test("where it clears at the limit itself, that goes along with it", () => {
    expect(withLimit({ at: "80", clear: "80" }, "85")).toEqual({ at: "85", clear: "85" });
    expect(withLimit({ at: "80", clear: "75" }, "85")).toEqual({ at: "85", clear: "75" });
    expect(withLimit({ at: "", clear: "" }, "85")).toEqual({ at: "85", clear: "" });
    expect(withLimit({ side: "below", at: "80" } as { at: string }, "8")).toMatchObject({ side: "below", at: "8" });
  });

  test("labels have a name, each another", () => {
    const labels = [
      ["team", "a"],
      ["team", "b"],
    ] as const;
    expect(typed("1", { labels }).problems.map(shortText)).toEqual(['There are two labels "team"']);
    expect(typed("1", { labels: [["", "b"]] }).problems.map(shortText)).toEqual(["A label has no name"]);
    expect(typed("1", { labels: [["", ""]] }).problems).toEqual([]);
  });

  test("a kind that is chosen again has what was typed into it", () => {
    const form = formOfRule(messageOf({ condition: { threshold: { above: 80, clear: 75 } } }));
    const changed = { ...form, kind: "stuck" as const };
    expect(ruleOfForm(changed).rule.condition?.stuck?.over).toBe("30m");
    expect(ruleOfForm({ ...changed, kind: "threshold" }).rule.condition?.threshold).toMatchObject({
      above: 80,
      clear: 75,
    });
  });
});

test("alerts end where what decides when they fire changes", () => {
  const rule = messageOf({ condition: { threshold: { above: 80 } }, for: "30s" });
  expect(endsAlerts(rule, create(RuleSchema, { ...rule, title: "another", runbook: "https://x.test" }))).toBe(false);
  expect(endsAlerts(rule, create(RuleSchema, { ...rule, for: "1m" }))).toBe(true);
  expect(endsAlerts(rule, create(RuleSchema, { ...rule, disabled: true }))).toBe(true);
});
