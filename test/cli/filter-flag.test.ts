/** `--filter`: what becomes of conditions as a person writes them. */
import { expect, test } from "bun:test";
import { Command } from "commander";
import { addFilterOption, addMatcherOption, type MatcherInit } from "../../src/cli/filter-flag.ts";
import { MatchOperator } from "../../src/wire/gen/history_pb.ts";

function filterOf(add: (command: Command) => Command, ...conditions: string[]): unknown {
  const command = add(new Command("test").exitOverride().configureOutput({ writeErr: () => {} }));
  command.parse(
    conditions.flatMap((text) => ["--filter", text]),
    { from: "user" },
  );
  return command.opts()["filter"];
}

test("every operator becomes a matcher, in the order given", () => {
  const matchers = filterOf(
    addMatcherOption,
    "site=north|south",
    "device!=pump-*",
    "host=~web-[0-9]+",
    "rack!~a=b|c!=d",
    "zone=",
    "floor!=",
    "room no=1",
    "site=*o*",
  ) as MatcherInit[];
  const { GLOB, NOT_GLOB, REGEX, NOT_REGEX, EQUAL, NOT_EQUAL } = MatchOperator;
  expect(matchers.map(({ key, operator, value }) => [key, operator, value])).toEqual([
    ["site", GLOB, "north|south"],
    ["device", NOT_GLOB, "pump-*"],
    ["host", REGEX, "web-[0-9]+"],
    ["rack", NOT_REGEX, "a=b|c!=d"],
    ["zone", EQUAL, ""],
    ["floor", NOT_EQUAL, ""],
    ["room no", GLOB, "1"],
    ["site", GLOB, "*o*"],
  ]);
});

test("what cannot be meant is refused", () => {
  for (const text of [
    "site",
    "",
    "=x",
    "!=x",
    "site!",
    "site >3",
    "site>=3",
    "a<>=b",
    "site ==x",
    "'site'=x",
    "site==x",
  ])
    expect(() => filterOf(addMatcherOption, text)).toThrow("is invalid");
});

test("where a request knows globs alone, nothing else becomes one", () => {
  expect(filterOf(addFilterOption, "site=north", "device=a|b=c")).toEqual({ site: "north", device: "a|b=c" });
  for (const text of ["site!=a", "site=~a", "site!~a"])
    expect(() => filterOf(addFilterOption, text)).toThrow("query, export, series, top and delete do");
});
