/** What `watchpost query` asks for, by its flags. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { InvalidArgumentError, type Command } from "commander";
import { WatchpostError } from "../model/errors.ts";
import { Aggregation, Fill, RangeFunction, type QueryRangeRequestSchema } from "../wire/gen/history_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { addFilterOption, durationArgument, integerArgument } from "./client-flags.ts";
import { timeUsOf } from "./time-argument.ts";

const COUNT_MAX = 10_000;
const MAX_POINTS_MAX = 1_000_000;

export interface RangeFlags {
  filter?: Record<string, string>;
  from: string;
  to: string;
  step?: number;
  function?: RangeFunction;
  groupBy?: string[];
  aggregate?: Aggregation;
  fill?: Fill;
  maxPoints?: number;
  top?: number;
  lowest?: number;
  asOf?: string;
}

export function addRangeOptions(command: Command): Command {
  return addFilterOption(command)
    .option("--from <time>", "beginning of the range", "-1h")
    .option("--to <time>", "end of the range", "now")
    .option("--step <duration>", "one value for each step instead of raw points", durationArgument)
    .option("--function <name>", `of a step: ${listed(RangeFunction)} (default: avg)`, enumArgument(RangeFunction))
    .option("--fill <how>", `of a step without points: ${listed(Fill)}`, enumArgument(Fill))
    .option(
      "--group-by <tags>",
      "one series for each metric and values of these tags, such as site,device",
      tagsArgument,
    )
    .option(
      "--aggregate <name>",
      `across the series of a group: ${listed(Aggregation)} (default: avg)`,
      enumArgument(Aggregation),
    )
    .option("--top <count>", "only the series with the highest averages", integerArgument(1, COUNT_MAX))
    .option("--lowest <count>", "only the series with the lowest averages", integerArgument(1, COUNT_MAX))
    .option(
      "--max-points <count>",
      "of each series those that keep its shape (LTTB)",
      integerArgument(1, MAX_POINTS_MAX),
    )
    .option("--as-of <time>", "what was known then: without later arrivals and corrections");
}

export function rangeRequest(
  metric: string,
  flags: RangeFlags,
  nowMs: number,
): MessageInitShape<typeof QueryRangeRequestSchema> {
  if (flags.top !== undefined && flags.lowest !== undefined)
    throw new WatchpostError("INVALID_ARGUMENT", "--top and --lowest are given together; wanted one of them");
  const count = flags.top ?? flags.lowest;
  return {
    metric,
    filters: flags.filter ?? {},
    from: timestampOfUs(timeUsOf("--from", flags.from, nowMs)),
    to: timestampOfUs(timeUsOf("--to", flags.to, nowMs)),
    stepMs: BigInt(Math.round(flags.step ?? 0)),
    function: flags.function ?? RangeFunction.UNSPECIFIED,
    groupBy: flags.groupBy ?? [],
    aggregation: flags.aggregate ?? Aggregation.UNSPECIFIED,
    fill: flags.fill ?? Fill.UNSPECIFIED,
    maxPoints: flags.maxPoints ?? 0,
    ...(count === undefined ? {} : { top: { count, lowest: flags.lowest !== undefined } }),
    ...(flags.asOf === undefined ? {} : { asOf: timestampOfUs(timeUsOf("--as-of", flags.asOf, nowMs)) }),
  };
}

type WireEnum = Record<string, string | number>;

/** The names of an enum's values as flags take them. */
function namesOf(values: WireEnum): string[] {
  return Object.keys(values).filter((name) => typeof values[name] === "number" && values[name] !== 0);
}

function listed(values: WireEnum): string {
  const names = namesOf(values).map((name) => name.toLowerCase());
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

function enumArgument<T extends number>(values: WireEnum): (text: string) => T {
  return (text) => {
    const name = namesOf(values).find((one) => one.toLowerCase() === text.toLowerCase());
    if (name === undefined) throw new InvalidArgumentError(`wanted ${listed(values)}`);
    return values[name] as T;
  };
}

function tagsArgument(text: string): string[] {
  const tags = text.split(",").map((tag) => tag.trim());
  if (tags.includes("")) throw new InvalidArgumentError("wanted tags between commas, such as site,device");
  return tags;
}
