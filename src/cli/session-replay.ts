/** `watchpost session replay`: what happened in a session, in its own timing. */
import { toJson } from "@bufbuild/protobuf";
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { replaySession } from "../client/recordings.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { ReplayEventSchema, type ReplayEvent } from "../wire/gen/collaboration_pb.ts";
import { ReplayView, type ReplayMark } from "../wire/gen/replay_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { WITHOUT_KEY, type MessageCipher } from "../wire/message-cipher.ts";
import { addKeyOption, keysOf, type KeyFlags } from "./session-key.ts";
import { replayLines } from "./replay-line.ts";
import { timeUsOf } from "./time-argument.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Shown are the session's messages, changes of the alerts it was about, and points of the metrics it was about: its topic, and what
its messages name. Points are those that had arrived by then, at their arrival; with --now those known now, at their own time.
The first ones are what stood at the beginning. Without --from it begins with the first message, or a minute before the earliest
rise of the alerts in the session's topic, if that is within a day before it. Times are UTC, and given as in query.

Examples:
  watchpost session replay pump-1 --speed 10
  watchpost session replay pump-1 --speed max --from 2026-01-01T12:00:00Z --now
  watchpost session replay pump-1 --speed max --metric 'temp*' --json | jq -c 'select(.alert) | .alert.alert.title'`;

interface ReplayFlags extends KeyFlags {
  server: string;
  speed: number;
  from?: string;
  to?: string;
  now?: boolean;
  metric?: string[];
  json?: boolean;
}

export function sessionReplayCommand(): Command {
  return addKeyOption(addServerOption(new Command("replay")))
    .summary("what happened in a session, in its own timing")
    .description("Replays a session: messages, alerts and points side by side, in their own timing.")
    .argument("<session>", "its id")
    .option("--speed <times>", "as fast as it was: 0.1 to 1000, or max", replaySpeed, 1)
    .option("--from <time>", "without it, from the first message, or when its alerts rose")
    .option("--to <time>", "without it, to the last message")
    .option("--now", "points as they are known now, not as they were seen")
    .option("--metric <name...>", "names or globs beside what it was about; - alone: no points")
    .option("--json", "a JSON line for every event, as over HTTP")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(sessionId: string, flags: ReplayFlags): Promise<void> {
  const { server, speed, from, to, now, metric = [], json } = flags;
  const nowMs = Date.now();
  const request = {
    sessionId,
    speed,
    metrics: metric,
    view: now ? ReplayView.AS_KNOWN_NOW : ReplayView.AS_SEEN,
    ...(from === undefined ? {} : { from: timestampOfUs(timeUsOf("--from", from, nowMs)) }),
    ...(to === undefined ? {} : { to: timestampOfUs(timeUsOf("--to", to, nowMs)) }),
  };
  const signal = interruptSignal();
  const connection = connectTo(server);
  const teller = new MarkTeller();
  try {
    const cipher = (await keysOf(connection, sessionId, flags, { signal })) ?? WITHOUT_KEY;
    for await (const sent of replaySession(connection, request, { signal })) {
      const event = await opened(sent, cipher);
      if (event.event.case === "mark") teller.hear(event.event.value);
      await written(json ? jsonLine(event) : replayLines(event));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    connection.close();
  }
}

/** What is to be known of a replay beside what it shows, each once. */
class MarkTeller {
  #missing = "";
  #isBehind = false;

  hear({ missing, behindMs }: ReplayMark): void {
    if (missing !== this.#missing) console.error(pc.yellow(`not all of it can be shown: ${printable(missing)}`));
    this.#missing = missing;
    if (behindMs > 0n && !this.#isBehind)
      console.error(pc.yellow("the replay is behind: more comes than can be shown in time"));
    this.#isBehind = behindMs > 0n;
  }
}

async function opened({ event, ...rest }: ReplayEvent, cipher: MessageCipher): Promise<ReplayEvent> {
  if (event.case !== "message") return { ...rest, event };
  return { ...rest, event: { case: "message", value: await cipher.open(event.value) } };
}

function jsonLine(event: ReplayEvent): string {
  return `${JSON.stringify(toJson(ReplayEventSchema, event))}\n`;
}

/** At the pace of whoever reads it. */
function written(text: string): Promise<void> {
  if (text === "") return Promise.resolve();
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

function replaySpeed(text: string): number {
  if (text === "max") return 0;
  const speed = Number(text);
  if (speed >= 0.1 && speed <= 1_000) return speed;
  throw new InvalidArgumentError("wanted 0.1 to 1000, or max");
}
