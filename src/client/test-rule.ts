import type { MessageInitShape } from "@bufbuild/protobuf";
import { Alerts } from "../wire/gen/alerts_pb.ts";
import type { TestRuleRequestSchema, TestRuleResponse } from "../wire/gen/rules_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** Longer than a server lets it take. */
const DEADLINE_MS = 600_000;

/**
 * What a rule, in force or not, would have done with what is stored. Throws the server's status: RESOURCE_EXHAUSTED for
 * more than one test may take.
 */
export function testRule(
  connection: Connection,
  request: MessageInitShape<typeof TestRuleRequestSchema>,
  options: AskOptions = {},
): Promise<TestRuleResponse> {
  return ask(connection, Alerts.method.testRule, request, { deadlineMs: DEADLINE_MS, ...options });
}
