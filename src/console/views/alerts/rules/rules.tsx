import { route } from "../../../route.ts";
import { NEW } from "./rule-address.ts";
import { RuleEditor } from "./rule-editor.tsx";
import { RuleList } from "./rule-list.tsx";
import "./rules.css";

/** "/alerts/rules", "/alerts/rules/NAME", "/alerts/rules/~new". */
export function RulesView() {
  const [, name] = route.value.rest;
  if (name === undefined || name === "") return <RuleList />;
  return <RuleEditor key={name} name={name === NEW ? undefined : name} />;
}
