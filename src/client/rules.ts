/** The rules of a server: what they are, and how they are put and deleted. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Alerts } from "../wire/gen/alerts_pb.ts";
import type {
  DeleteRuleResponse,
  ListRulesRequestSchema,
  ListRulesResponse,
  PutRuleResponse,
  RuleInfo,
  RuleSchema,
} from "../wire/gen/rules_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

export interface ChangeRuleOptions extends AskOptions {
  /** Who does it; by default whoever calls. */
  readonly userId?: string;
}

/** Creates or changes a rule; resolves when that is durable. Throws the server's status, as all of these do. */
export function putRule(
  connection: Connection,
  rule: MessageInitShape<typeof RuleSchema>,
  options: ChangeRuleOptions = {},
): Promise<PutRuleResponse> {
  const { userId = "" } = options;
  return ask(connection, Alerts.method.putRule, { rule, userId }, options);
}

/** Throws NOT_FOUND where there is none of that name. */
export async function getRule(connection: Connection, name: string, options: AskOptions = {}): Promise<RuleInfo> {
  const { info } = await ask(connection, Alerts.method.getRule, { name }, options);
  return info!;
}

/** A page of rules in order of their names. */
export function listRules(
  connection: Connection,
  request: MessageInitShape<typeof ListRulesRequestSchema>,
  options: AskOptions = {},
): Promise<ListRulesResponse> {
  return ask(connection, Alerts.method.listRules, request, options);
}

/** All rules whose names begin so, page after page. */
export async function* allRules(
  connection: Connection,
  prefix = "",
  options: AskOptions = {},
): AsyncGenerator<RuleInfo, void> {
  for (let after = ""; ;) {
    const { rules, more } = await listRules(connection, { prefix, after }, options);
    yield* rules;
    const last = rules.at(-1)?.rule?.name;
    if (!more || last === undefined) return;
    after = last;
  }
}

/** Its alerts end; resolves when that is durable. Throws NOT_FOUND, and FAILED_PRECONDITION for one from a file of the server. */
export function deleteRule(
  connection: Connection,
  name: string,
  options: ChangeRuleOptions = {},
): Promise<DeleteRuleResponse> {
  const { userId = "" } = options;
  return ask(connection, Alerts.method.deleteRule, { name, userId }, options);
}
