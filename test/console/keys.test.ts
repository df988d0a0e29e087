import { expect, test } from "bun:test";
import { chartKeys } from "../../src/console/charts/chart-keys.ts";
import { helpGroups } from "../../src/console/shell/help-groups.ts";
import { KeySequence } from "../../src/console/key-sequence.ts";

const key = (keys: string, label: string) => ({ keys, label });
const groups = [
  {
    title: "Everywhere",
    keys: [key("/", "search"), key("g a", "alerts"), key("g d", "devices"), key("x", "page's x")],
  },
  { title: "Alerts", keys: [key("x", "select"), key("a", "acknowledge")] },
];

function pressed(...presses: readonly (readonly [key: string, atMs: number])[]): (string | undefined)[] {
  const sequence = new KeySequence<ReturnType<typeof key>>();
  return presses.map(([each, atMs]) => sequence.press(each, atMs, groups)?.label);
}

test("single keys, and two one after the other; those of the view come before the page's", () => {
  expect(pressed(["/", 0], ["x", 10], ["g", 20], ["a", 30], ["a", 40])).toEqual([
    "search",
    "select",
    undefined,
    "alerts",
    "acknowledge",
  ]);
});

test("a second key that comes late or means nothing begins anew", () => {
  expect(pressed(["g", 0], ["a", 1_000])).toEqual([undefined, "acknowledge"]);
  expect(pressed(["g", 0], ["z", 10], ["a", 20])).toEqual([undefined, undefined, "acknowledge"]);
  expect(pressed(["g", 0], ["g", 10], ["d", 20])).toEqual([undefined, undefined, "devices"]);
});

test("the help tells what each part tells, once, under one heading, however many of them there are", () => {
  const run = () => {};
  const charts = { title: "Charts", keys: [], told: chartKeys(true, false) };
  const limited = { title: "Charts", keys: [], told: chartKeys(false, true) };
  const page = { title: "Everywhere", keys: [{ ...key("/", "search"), run }] };
  const told = helpGroups([page, charts, charts, { title: "None", keys: [] }, limited, charts]);
  expect(told.map(({ title }) => title)).toEqual(["Everywhere", "Charts"]);
  expect(told[1].keys).toEqual(chartKeys(true, true));
});
