/** What `watchpost query` asks for, by its flags. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { InvalidArgumentError, type Command } from "commander";
import { WatchpostError } from "../model/errors.ts";
import { Aggregation, Fill, RangeFunction, type QueryRangeRequestSchema } from "../wire/gen/history_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { integerArgument, wholeMsArgument } from "./client-flags.ts";
import { addMatcherOption, type MatcherInit } from "./filter-flag.ts";
import { timeUsOf } from "./time-argument.ts";

const COUNT_MAX = 10_000;
const MAX_POINTS_MAX = 1_000_000;
const { AVG, MIN, MAX, SUM, LAST, FIRST, COUNT } = RangeFunction;
/** What {@link RangeFunction} has for whole answers. */
const TOP_BY = { AVG, MIN, MAX, SUM, LAST, FIRST, COUNT };

export interface RangeFlags {
  filter?: MatcherInit[];
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
  by?: RangeFunction;
  timeout?: number;
  asOf?: string;
  unit?: string;
}

export function addRangeOptions(command: Command): Command {
  return addMatcherOption(command)
    .option("--from <time>", "beginning of the range", "-1h")
    .option("--to <time>", "end of the range", "now")
    .option("--step <duration>", "one value for each step instead of raw points", wholeMsArgument)
    .option("--function <name>", `of a step: ${listed(RangeFunction)} (default: avg)`, enumArgument(RangeFunction))
    .option("--fill <how>", `of a step without points: ${listed(Fill)}`, enumArgument(Fill))
    .option(
      "--group-by <tags>",
      "one series for each metric and values of these tags, such as site,device; metric alone: one for each metric",
      tagsArgument,
    )
    .option(
      "--aggregate <name>",
      `across the series of a group: ${listed(Aggregation)} (default: avg)`,
      enumArgument(Aggregation),
    )
    .option("--top <count>", "only the series with the highest values", integerArgument(1, COUNT_MAX))
    .option("--lowest <count>", "only the series with the lowest values", integerArgument(1, COUNT_MAX))
    .option(
      "--by <name>",
      `what --top and --lowest compare: ${listed(TOP_BY)} (default: avg)`,
      enumArgument<RangeFunction>(TOP_BY),
    )
    .option(
      "--max-points <count>",
      "of each series those that keep its shape (LTTB)",
      integerArgument(1, MAX_POINTS_MAX),
    )
    .option(
      "--unit <unit>",
      "values in this unit; series whose sensors are registered with none of the same kind are left out by name",
    )
    .option("--as-of <time>", "what was known then: without later arrivals and corrections")
    .option("--timeout <duration>", "how long it may take, at most the server's query.timeout", wholeMsArgument);
}

export function rangeRequest(
  metric: string,
  flags: RangeFlags,
  nowMs: number,
): MessageInitShape<typeof QueryRangeRequestSchema> {
  refuseContradictions(flags);
  const count = flags.top ?? flags.lowest;
  const top = { count: count ?? 0, lowest: flags.lowest !== undefined, by: flags.by ?? RangeFunction.UNSPECIFIED };
  return {
    metric,
    matchers: flags.filter ?? [],
    from: timestampOfUs(timeUsOf("--from", flags.from, nowMs)),
    to: timestampOfUs(timeUsOf("--to", flags.to, nowMs)),
    stepMs: BigInt(flags.step ?? 0),
    function: flags.function ?? RangeFunction.UNSPECIFIED,
    groupBy: flags.groupBy ?? [],
    aggregation: flags.aggregate ?? Aggregation.UNSPECIFIED,
    fill: flags.fill ?? Fill.UNSPECIFIED,
    maxPoints: flags.maxPoints ?? 0,
    unit: flags.unit ?? "",
    timeoutMs: BigInt(flags.timeout ?? 0),
    ...(count === undefined ? {} : { top }),
    ...(flags.asOf === undefined ? {} : { asOf: timestampOfUs(timeUsOf("--as-of", flags.asOf, nowMs)) }),
  };
}

function refuseContradictions({ top, lowest, by, step, ...flags }: RangeFlags): void {
  const refuse = (message: string): never => {
    throw new WatchpostError("INVALID_ARGUMENT", message);
  };
  if (top !== undefined && lowest !== undefined) refuse("--top and --lowest are given together; wanted one of them");
  if (by !== undefined && top === undefined && lowest === undefined)
    refuse("--by is given alone; wanted --top or --lowest with it: it says what they compare");
  if (flags.function !== undefined && step === undefined)
    refuse("--function is given alone; wanted --step with it: raw points are given as they are");
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

/** May be given again; each counts once. */
export function tagsArgument(text: string, all: readonly string[] = []): string[] {
  const tags = text.split(",").map((tag) => tag.trim());
  if (tags.includes("")) throw new InvalidArgumentError("wanted tags between commas, such as site,device");
  return [...new Set([...all, ...tags])];
}
