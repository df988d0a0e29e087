import { expect, test } from "bun:test";
import { matchersText } from "../../../src/alerts/notify/label-matcher.ts";
import { notifyConfigOf } from "../../../src/alerts/notify/notify-config-input.ts";
import type { RouteConfig } from "../../../src/alerts/notify/notify-config.ts";
import type { WatchpostError } from "../../../src/model/errors.ts";

const read = (yaml: string) => notifyConfigOf(Bun.YAML.parse(yaml));

function problemsOf(yaml: string): string[] {
  try {
    read(yaml);
  } catch (error) {
    const { status, message, violations } = error as WatchpostError;
    expect(status).toBe("FAILED_PRECONDITION");
    if (violations.length > 0) expect(message).toBe(violations.map(({ description }) => description).join("\n"));
    return message.split("\n");
  }
  return [];
}

test("routes inherit what they do not say; the rest has defaults", () => {
  const config = read(`
route:
  receiver: ops
  group_by: [site]
  routes:
    - matchers: [severity=critical, 'team!="x"']
      receiver: pager
      group_wait: 0s
      repeat_interval: 1h30m
      continue: true
      routes:
        - matchers: rack=~a.*
          group_by: ["..."]
        - group_by: []
receivers:
  - name: ops
    webhook_configs: [{url: "http://localhost"}]
  - name: pager
    send_resolved: false
inhibit_rules:
  - source_matchers: [severity=critical]
    target_matchers: severity!=critical
    equal: [site, device]
`);
  const lines: string[] = [];
  const describe = (route: RouteConfig, depth: number) => {
    const { receiver, groupBy, groupWaitMs, groupIntervalMs, repeatIntervalMs, matchers, goesOn } = route;
    const times = [groupWaitMs, groupIntervalMs, repeatIntervalMs].map((ms) => ms / 1_000);
    lines.push(
      [" ".repeat(depth) + matchersText(matchers), receiver, JSON.stringify(groupBy), ...times, goesOn].join(" "),
    );
    for (const each of route.routes) describe(each, depth + 1);
  };
  describe(config.route, 0);
  expect(lines).toEqual([
    '{} ops ["site"] 30 300 14400 false',
    ' {severity="critical",team!="x"} pager ["site"] 0 300 5400 true',
    '  {rack=~"a.*"} pager "all" 0 300 5400 false',
    "  {} pager [] 0 300 5400 false",
  ]);
  expect(config.receivers).toEqual([
    { name: "ops", channels: [{ name: "", sendsResolved: true }] },
    { name: "pager", channels: [{ name: "", sendsResolved: false }] },
  ]);
  expect(config.inhibitions).toMatchObject([
    { source: [{ value: "critical" }], target: [{}], equal: ["site", "device"] },
  ]);
  expect(config).toMatchObject({ maxAlerts: 100, externalUrl: "", silenceNoticeMs: 900_000 });
});

test("everything that is wrong is said at once: where, what it is, what was wanted", () => {
  expect(
    problemsOf(`
route:
  receiver: opps
  matchers: [a=b]
  group_by: [site, "..."]
  group_wait: 30
  group_interval: 0s
  routes:
    - receiver: nobody-at-all
      group_by: [a, a]
      match: {severity: critical}
    - matchers: ["severity", "x=~("]
      continue: 1
receivers:
  - name: ops
  - name: ops
  - {}
  - name: mail
    send_resolved: "no"
inhibit_rules:
  - source_matchers: []
    target_matchers: [a=b]
    equals: [site]
max_alerts: 0
external_url: watchpost
mute_time_intervals: []
`),
  ).toEqual([
    "mute_time_intervals is unknown; wanted route, receivers, inhibit_rules, max_alerts, external_url or silence_notice",
    'route.receiver is "opps"; did you mean ops?',
    'route.group_by has "..." and other labels; wanted "..." alone, which is all of them',
    'route.group_wait is 30; wanted a duration such as "90s" or "1h30m", from 0s to 400d',
    'route.group_interval is "0s"; wanted a duration such as "90s" or "1h30m", from 1s to 400d',
    "route.routes[0].match is unknown; wanted receiver, group_by, group_wait, group_interval, repeat_interval, matchers, continue or routes",
    'route.routes[0].receiver is "nobody-at-all"; wanted a receiver, such as ops or mail',
    'route.routes[0].group_by has "a" twice; wanted each label once',
    'route.routes[1].matchers[0] is "severity"; wanted one matcher, such as severity="critical", team!=x or device=~pump-.*, with commas in quotes',
    'route.routes[1].matchers[1] is "x=~("; wanted a regular expression in RE2 syntax: missing closing ): `(`',
    "route.routes[1].continue is 1; wanted true or false",
    "route.matchers has 1 matchers; wanted none: the first route is for all alerts",
    "receivers[2].name is missing; wanted a name",
    'receivers[3].send_resolved is "no"; wanted true or false',
    "inhibit_rules[0].equals is unknown; did you mean equal?",
    "inhibit_rules[0].source_matchers has 0 matchers; wanted 1 to 64",
    "max_alerts is 0; wanted a whole number from 1 to 10000",
    'external_url is "watchpost"; wanted an address such as https://watchpost.example.org',
    'receivers[1].name is "ops"; wanted a name that no other receiver has',
  ]);
});

test("what is missing is said", () => {
  expect(problemsOf("{}")).toEqual([
    "route is missing; wanted a map of receiver, group_by, group_wait, group_interval, repeat_interval, matchers, continue and routes",
    "receivers is missing; wanted 1 to 1000 receivers",
  ]);
  expect(problemsOf("route: {}\nreceivers: [{name: ops}]")).toEqual([
    "route.receiver is missing; wanted the name of a receiver",
  ]);
  expect(problemsOf("7")[0]).toContain("is 7; wanted a map of route, receivers");
});

test("routes that hold themselves, or are too many, are refused", () => {
  const cycle = "receivers: [{name: ops}]\nroute: {receiver: ops, routes: [&r {matchers: [a=b], routes: [{}, *r]}]}";
  expect(problemsOf(cycle)).toEqual(["route.routes[0].routes[1] holds itself; wanted routes that end somewhere"]);
  const many = Array.from({ length: 12 }, (_, i) => `r${i + 1}: &r${i + 1} {routes: [*r${i}, *r${i}]}`).join("\n");
  expect(problemsOf(`r0: &r0 {}\n${many}\nreceivers: [{name: ops}]\nroute: {receiver: ops, routes: [*r12]}`)).toEqual([
    "route has more than 1000 routes; wanted at most that many",
  ]);
});

test("settings of channels are left to those who know them", () => {
  const given = { route: { receiver: "ops" }, receivers: [{ name: "ops", webhook: { url: "x" }, email: { to: "y" } }] };
  const { receivers } = notifyConfigOf(given, (receiver) => {
    return Object.keys(receiver).flatMap((name) =>
      name === "name" ? [] : [{ name, sendsResolved: name === "webhook" }],
    );
  });
  expect(receivers[0].channels).toEqual([
    { name: "webhook", sendsResolved: true },
    { name: "email", sendsResolved: false },
  ]);
});
