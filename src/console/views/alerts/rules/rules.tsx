import { lazy } from "../../../lazy.tsx";
import { route } from "../../../route.ts";
import { NEW } from "../../../data/rule-address.ts";
import { RuleList } from "./rule-list.tsx";
import "./rules.css";

/** With its charts it is larger than all the rest. */
const RuleEditor = lazy(async () => (await import("./rule-editor.tsx")).RuleEditor);

/** "/alerts/rules", "/alerts/rules/NAME", "/alerts/rules/~new". */
export function RulesView() {
  const [, name] = route.value.rest;
  if (name === undefined || name === "") return <RuleList />;
  return <RuleEditor key={name} name={name === NEW ? undefined : name} />;
}
