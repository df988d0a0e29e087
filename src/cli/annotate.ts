/** `watchpost annotate`: a note at a time or over a range, on the charts of what it is about. */
import { Command, Option } from "commander";
import { createAnnotation, editAnnotation, removeAnnotation } from "../client/annotations.ts";
import type { Connection } from "../client/connection.ts";
import { WatchpostError } from "../model/errors.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { addPinOptions, alertIdOf, type PinFlags } from "./annotation-pin-flags.ts";
import { collect } from "./collect.ts";
import { annotationLine } from "./annotation-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { findAnnotation } from "./find-annotation.ts";
import { timeMsOf } from "./silence-times.ts";
import { addUserOption, userOf } from "./user-flag.ts";

const HELP = `
Times are ISO 8601 (UTC where they name no zone), numbers since 1970, "now", before now as in -15m, or after it as in +2h.
Without one it is now.

With several of --metric, --device, --source and --series-tag it is about what all of them name: this metric of this device.
With --session it is made in that session: those who are there read it, and without anything else it is about the session.

Examples:
  watchpost annotate 'new bearing' --device pump-1
  watchpost annotate 'sensor was unplugged' --metric temperature_c --device pump-1 --from -2h --to -90m --tag works
  watchpost annotate 'turned the valve down' --alert 70e3 --session inc-7
  watchpost annotate 'new bearing, drive side' --edit 1b9c
  watchpost annotate --remove 1b9c`;

interface AnnotateFlags extends PinFlags {
  server: string;
  at?: string;
  from?: string;
  to?: string;
  tag?: string[];
  edit?: string;
  remove?: string;
  user?: string;
}

export function annotateCommand(): Command {
  const command = addUserOption(addServerOption(new Command("annotate")))
    .summary("write a note on a time or range of a metric, device, alert or session")
    .description("Makes an annotation: a note at a time or over a range, on every chart of what it is about.")
    .argument("[text]", "what there is to say");
  return addPinOptions(command, "exact name of a metric")
    .option("--session <id>", "made in this session")
    .addOption(new Option("--at <time>", "when it was").conflicts(["from", "to"]))
    .option("--from <time>", "beginning of a range")
    .option("--to <time>", "end of a range")
    .option("--tag <tag>", "to find it by; may be repeated", collect)
    .addOption(new Option("--edit <id>", "change this one; what is not given stays").conflicts("remove"))
    .option("--remove <id>", "remove this one; its history stays")
    .addHelpText("after", HELP)
    .action(annotate);
}

async function annotate(text: string | undefined, flags: AnnotateFlags): Promise<void> {
  const span = spanOf(flags, Date.now());
  refuseContradictions(text, flags);
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    if (flags.remove !== undefined) await remove(connection, flags.remove, flags, signal);
    else if (flags.edit !== undefined) await edit(connection, flags.edit, text, flags, span, signal);
    else await make(connection, text ?? "", flags, span, signal);
  } finally {
    connection.close();
  }
}

type Span = ReturnType<typeof spanOf>;

async function make(connection: Connection, text: string, flags: AnnotateFlags, span: Span, signal: AbortSignal) {
  const { metric = "", source = "", device = "", seriesTag = {}, session = "", tag = [] } = flags;
  const alertId = await alertIdOf(connection, flags, signal);
  const isPinned = [metric, source, device, alertId, ...Object.keys(seriesTag)].some((name) => name !== "");
  const pin = { metric, source, device, tags: seriesTag, alertId };
  const request = { userId: userOf(flags), text, tags: tag, sessionId: session, ...span };
  const made = await createAnnotation(connection, { ...request, ...(isPinned ? { pin } : {}) }, { signal });
  console.log(annotationLine(made, "annotated"));
}

/** What somebody else does between the look and the edit is not overwritten. */
async function edit(
  connection: Connection,
  name: string,
  text: string | undefined,
  flags: AnnotateFlags,
  span: Span,
  signal: AbortSignal,
): Promise<void> {
  const { id, revision } = await findAnnotation(connection, name, signal);
  const request = {
    id,
    revision,
    userId: userOf(flags),
    ...(text === undefined ? {} : { text }),
    tags: flags.tag ?? [],
    ...span,
    clearTo: flags.at !== undefined,
  };
  console.log(annotationLine(await editAnnotation(connection, request, { signal }), "edited"));
}

async function remove(connection: Connection, name: string, flags: AnnotateFlags, signal: AbortSignal): Promise<void> {
  const { id, revision } = await findAnnotation(connection, name, signal);
  const removed = await removeAnnotation(connection, { id, revision, userId: userOf(flags) }, { signal });
  console.log(annotationLine(removed, "removed"));
}

function spanOf({ at, from, to }: AnnotateFlags, nowMs: number) {
  const start = at ?? from;
  return {
    ...(start === undefined
      ? {}
      : { from: timestampOfMs(timeMsOf(at === undefined ? "--from" : "--at", start, nowMs)) }),
    ...(to === undefined ? {} : { to: timestampOfMs(timeMsOf("--to", to, nowMs)) }),
  };
}

function refuseContradictions(text: string | undefined, flags: AnnotateFlags): void {
  const refuse = (message: string): never => {
    throw new WatchpostError("INVALID_ARGUMENT", message);
  };
  const { metric, source, device, seriesTag, alert, session, at, from, to, tag, edit: edited, remove: removed } = flags;
  const pins = [metric, source, device, seriesTag, alert, session];
  const isGiven = (value: unknown) => value !== undefined;
  if (edited === undefined && removed === undefined) {
    if (text === undefined)
      refuse("no text is given; wanted what there is to say, as in watchpost annotate 'new bearing'");
    const wanted = "wanted --metric, --device, --source, --series-tag, --alert or --session";
    if (!pins.some(isGiven)) refuse(`nothing says what it is about; ${wanted}`);
    if (to !== undefined && from === undefined)
      refuse("--to is given alone; wanted --from with it: when the range begins");
    return;
  }
  if (pins.some(isGiven)) refuse("what an annotation is about cannot be changed; remove it, and make another one");
  if (removed !== undefined && [text, at, from, to, tag].some(isGiven)) {
    refuse("--remove is given with something else; wanted it alone");
  }
  if (edited !== undefined && ![text, at, from, to, tag].some(isGiven)) {
    refuse("--edit is given alone; wanted another text, --at, --from, --to or --tag with it");
  }
}
