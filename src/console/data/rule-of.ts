/** Rules that are asked for by name, each once in a while. */
import { signal, type Signal } from "@preact/signals";
import type { Rule } from "../../wire/gen/rules_pb.ts";
import { alertsApi } from "../api.ts";

interface Known {
  /** Undefined: not known yet, or there is none. */
  readonly rule: Signal<Rule | undefined>;
  readonly askedMs: number;
}

const KNOWN_MAX = 500;
const FRESH_MS = 60_000;
const known = new Map<string, Known>();

export function ruleOf(name: string): Rule | undefined {
  const nowMs = performance.now();
  const before = known.get(name);
  if (before !== undefined && nowMs - before.askedMs < FRESH_MS) return before.rule.value;
  const rule = before?.rule ?? signal<Rule | undefined>(undefined);
  known.delete(name);
  known.set(name, { rule, askedMs: nowMs });
  if (known.size > KNOWN_MAX) known.delete(known.keys().next().value!);
  alertsApi.getRule({ name }).then(
    ({ info }) => (rule.value = info?.rule),
    // Published alerts have none.
    () => {},
  );
  return rule.value;
}
