/** Rules on the wire. */
import { fromJson, toJson, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { RuleSchema, type Rule as RuleMessage } from "../wire/gen/rules_pb.ts";
import { ruleInputOf, ruleOf } from "./rule-input.ts";
import type { Rule } from "./rule.ts";

/**
 * The rule that a message asks for, with defaults; whether it says that it comes from a file makes no difference. Throws
 * INVALID_ARGUMENT with a violation for everything that is wrong, fields beginning with `root`.
 */
export function ruleOfMessage(message: RuleMessage, root = "rule"): Rule {
  const { from_file: _, ...input } = toJson(RuleSchema, message, { useProtoFieldName: true }) as JsonObject;
  return ruleOf(input, root);
}

/** Inverse of {@link ruleOfMessage}, with all defaults and where it comes from. */
export function messageOfRule(rule: Rule): MessageInitShape<typeof RuleSchema> {
  return fromJson(RuleSchema, { ...(ruleInputOf(rule) as JsonObject), from_file: rule.isFromFile });
}
