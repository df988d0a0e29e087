/** `--filter`: conditions on series, as a person writes them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { InvalidArgumentError, type Command } from "commander";
import { MatchOperator, type MatcherSchema } from "../wire/gen/history_pb.ts";

export type MatcherInit = MessageInitShape<typeof MatcherSchema>;

interface Condition {
  readonly key: string;
  readonly operator: string;
  readonly value: string;
}

const OPERATORS: Readonly<Record<string, MatchOperator>> = {
  "=": MatchOperator.GLOB,
  "!=": MatchOperator.NOT_GLOB,
  "=~": MatchOperator.REGEX,
  "!~": MatchOperator.NOT_REGEX,
};
/** What a series without the tag has: no glob is empty. */
const OPERATORS_OF_EMPTY: Readonly<Record<string, MatchOperator>> = {
  ...OPERATORS,
  "=": MatchOperator.EQUAL,
  "!=": MatchOperator.NOT_EQUAL,
};

/** For requests with matchers: KEY=GLOB, KEY!=GLOB, KEY=~REGEX and KEY!~REGEX, all of which must hold. */
export function addMatcherOption(command: Command): Command {
  const collect = (text: string, all: readonly MatcherInit[] = []) => [...all, matcherOf(conditionOf(text))];
  const what = "of source, metric, device or a tag: key=glob, key!=glob, key=~regex or key!~regex; may be repeated";
  return command.option("--filter <condition>", what, collect);
}

/** For requests that know globs alone. */
export function addFilterOption(command: Command): Command {
  const collect = (text: string, all: Readonly<Record<string, string>> = {}) => {
    const { key, operator, value } = conditionOf(text);
    if (operator !== "=") {
      const message = `wanted KEY=GLOB: ${command.name()} knows no ${operator}; query, export, series, top and delete do`;
      throw new InvalidArgumentError(message);
    }
    if (Object.hasOwn(all, key)) {
      const message = `${key} has a filter already; wanted one with alternatives, such as "${key}=a|b"`;
      throw new InvalidArgumentError(message);
    }
    return { ...all, [key]: value };
  };
  return command.option("--filter <key=glob>", "source, metric, device or a tag; may be repeated", collect);
}

function conditionOf(text: string): Condition {
  const [, key, operator, value] = /^(.*?)(=~|!=|!~|=)(.*)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError('wanted KEY=VALUE, such as "device=pump-*"');
  if (key === "" || key !== key.trim() || /[!<>~"']/.test(key)) {
    const message = `${JSON.stringify(key)} is no key; wanted source, metric, device or a tag before =, !=, =~ or !~`;
    throw new InvalidArgumentError(message);
  }
  if (operator === "=" && value.startsWith("=")) throw new InvalidArgumentError("wanted one = between key and value");
  return { key, operator, value };
}

function matcherOf({ key, operator, value }: Condition): MatcherInit {
  return { key, operator: (value === "" ? OPERATORS_OF_EMPTY : OPERATORS)[operator], value };
}
