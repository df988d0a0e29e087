/** What is chosen above the panels: "$site" in a metric or a filter stands for it. Pure. */
import type { DashboardVariable, PanelQuery } from "../../../wire/gen/saved_dashboards_pb.ts";

export type Choices = Readonly<Record<string, string>>;

const PREFIX = "var-";
const ALL = "*";
const NAME = /\$(\w+)/g;

/** What the address says ("?var-site=hall-3"), otherwise the default; "": all. */
export function choicesOf(variables: readonly DashboardVariable[], params: URLSearchParams): Choices {
  const chosen = variables.map(({ name, defaultValue }) => [name, params.get(PREFIX + name) ?? defaultValue]);
  return Object.fromEntries(chosen.map(([name, value]) => [name, value === ALL ? "" : value]));
}

/** For the address, where "" takes a parameter away: what is chosen by default is not in it. */
export function paramOf({ name, defaultValue }: DashboardVariable, value: string): Record<string, string> {
  return { [PREFIX + name]: value === defaultValue ? "" : value || ALL };
}

/** A filter that lets everything pass is left out: a series without the tag passes, too. Names that there are not stay. */
export function resolved<Q extends Pick<PanelQuery, "metric" | "filters">>(query: Q, choices: Choices): Q {
  const filters: Record<string, string> = {};
  for (const [key, pattern] of Object.entries(query.filters)) {
    const value = withChoices(pattern, choices);
    if (value !== ALL && value !== "") filters[key] = value;
  }
  return { ...query, metric: withChoices(query.metric, choices), filters };
}

/** Names that stand in a query and are no variables. */
export function unknownNames(queries: readonly Pick<PanelQuery, "metric" | "filters">[], choices: Choices): string[] {
  const texts = queries.flatMap(({ metric, filters }) => [metric, ...Object.values(filters)]);
  const names = texts.flatMap((text) => [...text.matchAll(NAME)].map(([, name]) => name));
  return [...new Set(names)].filter((name) => choices[name] === undefined);
}

/** What narrows the values that one of them may have: what is chosen in the others. */
export function filtersOfOthers(
  variables: readonly DashboardVariable[],
  choices: Choices,
  self: string,
): Record<string, string> {
  const others = variables.filter(({ name }) => name !== self && choices[name] !== "");
  return Object.fromEntries(others.map(({ name, tag }) => [tag, choices[name]]));
}

function withChoices(text: string, choices: Choices): string {
  return text.replace(NAME, (whole, name: string) => (choices[name] === "" ? ALL : (choices[name] ?? whole)));
}
