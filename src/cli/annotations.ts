/** `watchpost annotations`: what was written on times and ranges, and live what is. */
import { toJson, type MessageInitShape } from "@bufbuild/protobuf";
import { Command, Option } from "commander";
import { allAnnotations, followAnnotations } from "../client/annotations.ts";
import { AnnotationEventSchema, type Annotation, type AnnotationFilterSchema } from "../wire/gen/annotations_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { addPinOptions, alertIdOf, type PinFlags } from "./annotation-pin-flags.ts";
import { collect } from "./collect.ts";
import { annotationJson, annotationLine, annotationTable } from "./annotation-text.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal, retryTeller } from "./client-flags.ts";
import { timeUsOf } from "./time-argument.ts";

const SHOWN_MAX = 100;
const LIMIT_MAX = 1_000_000;
const HELP = `
--metric, --device, --source and --series-tag name a chart, and may be globs (*, ?) with alternatives (a|b): an annotation is
on it where both name at least one of these alike, and none differently. What is pinned to a metric is on its charts for
every device; what is pinned to a device alone, on those that name the device.

Examples:
  watchpost annotations --device pump-1
  watchpost annotations --metric 'temperature_*' --from -7d --tag works
  watchpost annotations --session inc-7 --json | jq -r .text
  watchpost annotations --watch --device 'pump-*'`;

interface AnnotationsFlags extends PinFlags {
  server: string;
  from?: string;
  to?: string;
  tag?: string[];
  author?: string;
  text?: string;
  limit?: number;
  removed?: boolean;
  watch?: boolean;
  json?: boolean;
}

export function annotationsCommand(): Command {
  return addPinOptions(addServerOption(new Command("annotations")), "metric name or glob")
    .summary("which annotations there are, and live what is annotated")
    .description("Lists annotations that touch a range, the latest first; with --watch live, until Ctrl-C.")
    .option("--session <id>", "pinned to this session, or made in it")
    .option("--from <time>", "beginning of the range (default: of all there is)")
    .option("--to <time>", "end of the range")
    .option("--tag <tag>", "with this tag; repeated: with any of them", collect)
    .option("--author <user>", "by this user")
    .option("--text <text>", "with this in their text, whatever its case")
    .option("--limit <count>", `how many (default: ${SHOWN_MAX}, with --json all)`, integerArgument(1, LIMIT_MAX))
    .option("--removed", "also those that were removed")
    .addOption(
      new Option("--watch", "live, until Ctrl-C; with --from or --to first what stands").conflicts([
        "limit",
        "removed",
      ]),
    )
    .option("--json", "a JSON line for each, live for each event")
    .addHelpText("after", HELP)
    .action(annotations);
}

async function annotations(flags: AnnotationsFlags): Promise<void> {
  const nowMs = Date.now();
  const range = {
    ...(flags.from === undefined ? {} : { from: timestampOfUs(timeUsOf("--from", flags.from, nowMs)) }),
    ...(flags.to === undefined ? {} : { to: timestampOfUs(timeUsOf("--to", flags.to, nowMs)) }),
  };
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const filter = filterOf(flags, await alertIdOf(connection, flags, signal));
    if (flags.watch) {
      const options = { signal, onRetry: retryTeller(flags.server) };
      for await (const event of followAnnotations(connection, { filter, ...range }, options)) {
        if (flags.json) process.stdout.write(`${JSON.stringify(toJson(AnnotationEventSchema, event))}\n`);
        else if (event.annotation !== undefined)
          console.log(annotationLine(event.annotation, doneOf(event.annotation, event.removed)));
      }
      return;
    }
    const wanted = { filter, ...range, includeRemoved: flags.removed === true };
    const limitMax = flags.json ? (flags.limit ?? Infinity) : (flags.limit ?? SHOWN_MAX) + 1;
    const found = allAnnotations(connection, wanted, { signal, limitMax });
    if (flags.json) for await (const annotation of found) process.stdout.write(annotationJson(annotation));
    else tell(await Array.fromAsync(found), flags);
  } finally {
    connection.close();
  }
}

function tell(found: readonly Annotation[], flags: AnnotationsFlags): void {
  const { server: _server, limit = SHOWN_MAX, json: _json, ...narrowing } = flags;
  if (found.length === 0) {
    return console.log(Object.keys(narrowing).length > 0 ? "no annotation matches" : "there are no annotations");
  }
  process.stdout.write(annotationTable(found.slice(0, limit)));
  if (found.length > limit) console.log(`the latest ${limit}; --limit shows more`);
}

function doneOf({ revision, removed }: Annotation, hasLeft: boolean): string {
  if (removed) return "removed";
  if (hasLeft) return "no longer matches";
  return revision === 1n ? "annotated" : "edited";
}

function filterOf(flags: AnnotationsFlags, alertId: string): MessageInitShape<typeof AnnotationFilterSchema> {
  const {
    metric = "",
    source = "",
    device = "",
    seriesTag = {},
    session = "",
    tag = [],
    author = "",
    text = "",
  } = flags;
  return { metric, source, device, seriesTags: seriesTag, alertId, sessionId: session, tags: tag, author, text };
}
