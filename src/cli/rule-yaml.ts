/** Rules as a file that `rules apply` takes. */
import { toJson, type JsonObject } from "@bufbuild/protobuf";
import { Document, Scalar, visit } from "yaml";
import { RuleSchema, type Rule } from "../wire/gen/rules_pb.ts";

/** What steers a terminal, and is no end of a line. */
const STEERING = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu;

/** With all that is in force; what is empty or false is left out. Text is escaped where it would steer a terminal. */
export function rulesYaml(rules: readonly Rule[]): string {
  const document = new Document({ rules: rules.map(fieldsOf) });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && node.value.search(STEERING) >= 0) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  // Now they stand in double quotes alone, in which escapes are understood.
  return document.toString({ lineWidth: 0 }).replaceAll(STEERING, escaped);
}

/** The fields of a rules file, by their names there. */
export function fieldsOf(rule: Rule): JsonObject {
  const { from_file: _, ...fields } = toJson(RuleSchema, rule, { useProtoFieldName: true }) as JsonObject;
  return fields;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
}
