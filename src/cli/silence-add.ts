/** `watchpost silence add`: nobody is told of the alerts that meet it. */
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import {
  compileMatchers,
  matcherText,
  parseMatcher,
  picksOut,
  type LabelMatcher,
} from "../alerts/notify/label-matcher.ts";
import { allAlerts } from "../client/alerts.ts";
import type { Connection } from "../client/connection.ts";
import { putSilence } from "../client/silences.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { AlertState, SilenceState, type Silence } from "../wire/gen/alerts_pb.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { shortIds } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { matchersOf, stateWords } from "./silence-text.ts";
import { addEndOptions, endOf, timeMsOf, type EndFlags } from "./silence-times.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

/** Every alert has a name. */
const ALL: LabelMatcher = { name: "alertname", operator: "=~", value: ".+" };
const HELP = `
An alert has to meet all matchers: name=value, name!=value, name=~regex, name!~regex (RE2 syntax, of the whole value). Names
are labels of the alert, such as device, source and tags of its series; alertname is the rule, severity how grave it is. A
label that an alert does not have is "". There are no globs: for pump-1 and pump-2 say 'device=~pump-.*'.

A silence that may hold back every alert is refused without --all, also where that is an oversight, as in severity!=info.

Examples:
  watchpost silence add device=pump-1 'severity!=critical' --for 2h -m 'works on pump 1'
  watchpost silence add alertname=device-silent 'site=~north|south' --from 2026-03-01T22:00Z --for 6h
  watchpost silence add source=gw-7 --from +30m --until +4h
  watchpost silence add --all --for 10m -m 'the siren is being tested'`;

interface AddFlags extends EndFlags {
  server: string;
  from: string;
  message?: string;
  all?: boolean;
  user?: string;
}

export function silenceAddCommand(): Command {
  const command = addUserOption(addServerOption(new Command("add")))
    .summary("hold back what is sent of some alerts")
    .description("Makes a silence: for a time, nobody is told of the alerts that meet all its matchers.")
    .argument("[matcher...]", "on labels of alerts: name=value, name!=value, name=~regex or name!~regex", collect)
    .option("--from <time>", "when it begins: ISO 8601, a number since 1970, or from now such as +30m", "now");
  return addEndOptions(command, "how long it lasts, such as 2h")
    .option("-m, --message <text>", "what it is for")
    .option("--all", "it may hold back every alert; without matchers it does")
    .addHelpText("after", HELP)
    .action(add);
}

async function add(matchers: readonly LabelMatcher[], flags: AddFlags): Promise<void> {
  const nowMs = Date.now();
  if (!flags.all) refuseAll(matchers);
  const wanted = matchers.length === 0 ? [ALL] : matchers;
  const startsAtMs = timeMsOf("--from", flags.from, nowMs);
  const endsAtMs = endOf(flags, startsAtMs, nowMs);
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const silence = await putSilence(
      connection,
      {
        matchers: wanted.map(matcherText),
        // Without, it is the server's clock that says when it begins.
        ...(flags.from === "now" ? {} : { startsAt: timestampOfMs(startsAtMs) }),
        endsAt: timestampOfMs(endsAtMs),
        author: userOf(flags),
        comment: flags.message ?? "",
        all: flags.all === true,
      },
      { signal },
    );
    const id = printable(shortIds([silence.id]).get(silence.id)!);
    console.log(`silenced ${id}  ${matchersOf(silence)}  ${stateWords(silence, nowMs)}`);
    await tellEffect(connection, silence, wanted, signal);
  } finally {
    connection.close();
  }
}

/** As the server does, which says it in words of its own. */
function refuseAll(matchers: readonly LabelMatcher[]): void {
  if (matchers.some(picksOut)) return;
  const given = matchers.map(matcherText).join(" ");
  const what = given === "" ? "no matcher is given" : `${given} may hold back every alert`;
  const message = `${what}; wanted a matcher that picks some out, such as device=pump-1, or --all for every alert`;
  throw new WatchpostError("INVALID_ARGUMENT", message);
}

/** A silence that holds back nothing is a slip as a rule, and one that holds back much may be. */
async function tellEffect(
  connection: Connection,
  { state }: Silence,
  matchers: readonly LabelMatcher[],
  signal: AbortSignal,
): Promise<void> {
  const meets = compileMatchers(matchers);
  let count = 0;
  for await (const { rule, severity, labels } of allAlerts(connection, { state: AlertState.ACTIVE }, { signal })) {
    if (meets({ ...labels, alertname: rule, severity })) count++;
  }
  const isNow = state === SilenceState.ACTIVE;
  const alerts = count === 1 ? "1 alert that is active" : `${count.toLocaleString("en-US")} alerts that are active`;
  if (count > 0) console.log(`${isNow ? "it holds back" : "it would hold back"} ${alerts}`);
  else console.log("no alert that is active meets it");
  const glob = matchers.find(({ operator, value }) => /^!?=$/.test(operator) && /[*?]/.test(value));
  if (glob === undefined) return;
  const regex = glob.value.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
  const instead = `${glob.name}${glob.operator.replace("=", "")}${glob.operator === "=" ? "=~" : "~"}${regex}`;
  console.error(
    pc.yellow(`${printable(glob.value)} is taken as it stands; there are no globs, but '${printable(instead)}'`),
  );
}

function collect(text: string, all: readonly LabelMatcher[] = []): LabelMatcher[] {
  try {
    return [...all, parseMatcher(text)];
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
