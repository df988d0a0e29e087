import { Code, ConnectError } from "@connectrpc/connect";
import { equals } from "@bufbuild/protobuf";
import { useMemo } from "preact/hooks";
import { RuleSchema, type Rule, type RuleInfo } from "../../../../wire/gen/rules_pb.ts";
import { alertsApi } from "../../../api.ts";
import { usePolled } from "../../../data/polled.ts";
import { Empty } from "../../../parts/empty.tsx";
import { pathTo, route } from "../../../route.ts";
import { newRule } from "./rule-draft.ts";
import { RuleEditing } from "./rule-editing.tsx";

const READ_EVERY_MS = 15_000;

/** What the editor has to know of the server. */
export interface EditedRule {
  /** Undefined: there is none of that name. */
  readonly info: RuleInfo | undefined;
  readonly escalations: readonly string[];
  readonly rulesFile: string;
}

/** `name` undefined: of a new rule; the address may say of which one it is a copy, and of which metric. */
export function RuleEditor({ name }: { name: string | undefined }) {
  const { params } = route.value;
  const copied = name ?? params.get("copy") ?? "";
  const { value, failure } = usePolled((options) => readRule(copied, options), { everyMs: READ_EVERY_MS, key: copied });
  const opened = useMemo(() => {
    const rule = value?.info?.rule;
    if (name !== undefined) return rule;
    if (copied !== "") return rule && { ...rule, name: `${rule.name}-copy`, fromFile: false };
    return newRule(params.get("metric") ?? "", params.getAll("where"));
  }, [value === undefined]);
  return (
    <>
      <nav aria-label="Where this is" class="rules-where">
        <a href={pathTo("alerts", "rules")}>Rules</a> <span aria-hidden="true">›</span>{" "}
        <span>{name ?? "a new rule"}</span>
      </nav>
      {failure !== "" && <p role="alert">The rule could not be read: {failure}.</p>}
      {value === undefined && failure === "" && <p role="status">Reading the rule…</p>}
      {value !== undefined && opened === undefined && (
        <Empty title={`There is no rule ${copied}`}>
          It may have been deleted: <a href={pathTo("alerts", "rules")}>see all rules</a>.
        </Empty>
      )}
      {value !== undefined && opened !== undefined && <RuleEditing {...{ name, opened, known: value }} />}
    </>
  );
}

async function readRule(name: string, { signal }: { signal: AbortSignal }): Promise<EditedRule> {
  const [info, { escalations, rulesFile }] = await Promise.all([
    name === "" ? undefined : infoOf(name, signal),
    alertsApi.listRules({ prefix: name, limit: 1 }, { signal }),
  ]);
  return { info, escalations, rulesFile };
}

export async function infoOf(name: string, signal?: AbortSignal): Promise<RuleInfo | undefined> {
  try {
    return (await alertsApi.getRule({ name }, signal && { signal })).info;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return undefined;
    throw error;
  }
}

export function isSame(a: Rule | undefined, b: Rule | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equals(RuleSchema, a, b);
}
