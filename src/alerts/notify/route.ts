/** The tree of routes, ready to be asked where an alert goes. */
import { compileMatchers, labelOf, matchersText, type Labels, type LabelTest } from "./label-matcher.ts";
import type { NotifyConfig, RouteConfig } from "./notify-config.ts";

/** One channel of a route's receiver: groups are made for each by itself. */
export interface Target {
  readonly route: Route;
  readonly receiver: string;
  readonly channel: string;
  readonly sendsResolved: boolean;
  /** Unique, and the same after a change of the configuration that leaves route and receiver as they are. */
  readonly key: string;
}

export interface Route {
  /** Its matchers and those above, as Alertmanager writes them. Routes may have the same. */
  readonly key: string;
  readonly config: RouteConfig;
  readonly matches: LabelTest;
  readonly routes: readonly Route[];
  readonly targets: readonly Target[];
}

/** Throws RangeError where a matcher's regular expression is none. */
export function compileRoutes({ route, receivers }: Pick<NotifyConfig, "route" | "receivers">): Route {
  const channels = new Map(receivers.map((receiver) => [receiver.name, receiver.channels]));
  const taken = new Map<string, number>();
  const keyOf = (wanted: string): string => {
    const count = (taken.get(wanted) ?? 0) + 1;
    taken.set(wanted, count);
    return count === 1 ? wanted : `${wanted} (${count})`;
  };
  const compile = (config: RouteConfig, above: string): Route => {
    const key = above + matchersText(config.matchers);
    const targets: Target[] = [];
    const routes = config.routes.map((each) => compile(each, `${key}/`));
    const compiled = { key, config, matches: compileMatchers(config.matchers), routes, targets };
    for (const { name, sendsResolved } of channels.get(config.receiver) ?? []) {
      const { receiver } = config;
      const targetKey = keyOf(`${key} > ${name === "" ? receiver : `${receiver}/${name}`}`);
      targets.push({ route: compiled, receiver, channel: name, sendsResolved, key: targetKey });
    }
    return compiled;
  };
  return compile(route, "");
}

/** All of a tree, by key. */
export function targetsOf(root: Route): Map<string, Target> {
  const all = new Map<string, Target>();
  const visit = (route: Route): void => {
    for (const target of route.targets) all.set(target.key, target);
    route.routes.forEach(visit);
  };
  visit(root);
  return all;
}

/** Depth first: the deepest route that matches on each way, and the first way alone unless a route goes on. */
export function routesFor(root: Route, labels: Labels): Route[] {
  if (!root.matches(labels)) return [];
  const found: Route[] = [];
  for (const route of root.routes) {
    const below = routesFor(route, labels);
    found.push(...below);
    if (below.length > 0 && !route.config.goesOn) break;
  }
  return found.length > 0 ? found : [root];
}

/** Those of the labels that a route groups by, as far as they are there. */
export function groupLabelsOf({ config: { groupBy } }: Route, labels: Labels): Labels {
  if (groupBy === "all") return labels;
  const given = groupBy.filter((name) => Object.hasOwn(labels, name));
  return Object.fromEntries(given.map((name) => [name, labelOf(labels, name)]));
}

/** `{a="1", b="2"}`, whatever their order was. */
export function labelsText(labels: Labels): string {
  const names = Object.keys(labels).sort();
  return `{${names.map((name) => `${name}=${JSON.stringify(labels[name])}`).join(", ")}}`;
}
