/** `watchpost simulate`: fleets of devices that send to a server, and a ledger of what became of their readings. */
import { Command, Option } from "commander";
import pc from "picocolors";
import type { Connection, Retry } from "../client/connection.ts";
import { formatDurationMs } from "../model/duration.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { systemClock } from "../model/system-clock.ts";
import { FAULT_KINDS } from "../simulate/fault.ts";
import { DEVICES_MAX, type Fleet, type Scenario } from "../simulate/fleet.ts";
import { PROFILES } from "../simulate/profiles.ts";
import { Random } from "../simulate/random.ts";
import {
  addServerOption,
  connectTo,
  durationArgument,
  integerArgument,
  interruptSignal,
  speedArgument,
  wholeMsArgument,
} from "./client-flags.ts";
import { collect } from "./collect.ts";
import { startBadNetwork, type BadNetwork } from "./simulate/bad-network.ts";
import { beginning, narrowNetworks } from "./simulate/beginning.ts";
import { countStored, type Stored } from "./simulate/count-stored.ts";
import { Ledger } from "./simulate/ledger.ts";
import { isWhole, outcomeOf, outcomeText } from "./simulate/outcome.ts";
import { FLUSH_MS_MAX, patience } from "./simulate/patience.ts";
import { reachServer } from "./simulate/reach-server.ts";
import { runFleets } from "./simulate/run-fleets.ts";
import { scenarioOf, type ScenarioFlags } from "./simulate/scenario-flags.ts";
import { showStatus, type StatusLine } from "./simulate/status-line.ts";

/** A server that was started together with this one is there by then. */
const WAIT_MS = 5_000;
/** Answers that do not come any more; on top of what the network is to break for. */
const SILENCE_MS_MAX = 30_000;
const REACH_AGAIN_MS = 3_000;
const COUNT_MS_MAX = 60_000;
const STREAMS_PER_CONNECTION = 100;
const TELL_EVERY_MS = 10_000;
const HELP = `
Profiles:
${PROFILES.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join("\n")}

Faults, each as KIND=RATE (2/h, 0.5/d: by chance, of each device) or KIND=every 30m:
${Object.entries(FAULT_KINDS)
  .map(([kind, about]) => `  ${kind.padEnd(14)} ${about}`)
  .join("\n")}

The same seed and the same --from give the same readings. At the end the server is asked what it stored of what it acknowledged;
exit code 1 where something is missing, was not answered, or is not known. Ctrl-C ends a simulation in order, with its ledger;
another one ends it at once. A scenario file says all of this and more: fleets side by side, each with its faults and its network;
see docs/simulate.md.

Examples:
  watchpost simulate                                         # 20 machines, until Ctrl-C
  watchpost simulate --profile cold-chain --devices 50 --from -7d --to now
  watchpost simulate --devices 500 --gateways 10 --rate 5000 --duration 1m
  watchpost simulate --fault spike=2/h --fault dropout=1/h --network latency=80ms,loss=1%,disconnects=20/h
  watchpost simulate scenario.yaml --json`;

interface Flags extends ScenarioFlags {
  server: string;
  streams: number;
  wait: number;
  json?: boolean;
}

export function simulateCommand(): Command {
  const profiles = new Option("--profile <name>", "what the devices are").choices(PROFILES.map(({ name }) => name));
  return addServerOption(new Command("simulate"))
    .summary("send what fleets of devices would, faults and bad networks included")
    .description("Sends what fleets of devices would send, and asks the server at the end what it has stored of that.")
    .argument("[file]", "a scenario in YAML; - is standard input")
    .addOption(profiles)
    .option("--name <name>", "of the fleet, with which its devices are named; otherwise that of the profile")
    .option("--devices <n>", "how many, each with a stream of its own (20)", integerArgument(1, DEVICES_MAX))
    .option("--gateways <n>", "sources that they send under; 0: each is its own (0)", integerArgument(0, DEVICES_MAX))
    .option("--interval <time>", "between two readings of a sensor; otherwise that of the profile", wholeMsArgument)
    .option("--rate <n>", "readings a second of all devices together, in place of --interval", speedArgument)
    .option("--batch <n>", "readings of each sensor that are sent together (1)", integerArgument(1, 1_000))
    .option("--fault <kind=rate>", "what goes wrong, and how often; may be repeated", collect)
    .option(
      "--network <conditions>",
      "latency=, jitter=, loss=, disconnects=, outage=, bandwidth=, with commas between",
    )
    .option("--seed <n>", "another seed gives other readings (1)", integerArgument(0, Number.MAX_SAFE_INTEGER))
    .option("--from <time>", "the first readings; what lies in the past is sent as fast as it can be (now)")
    .option("--to <time>", "readings end before it (at Ctrl-C)")
    .option("--duration <time>", "readings end so long after the first live ones", wholeMsArgument)
    .option("--speed <n>", "simulated seconds a second: days and faults pass faster (1)", speedArgument)
    .option("--streams <n>", "streams that share a connection", integerArgument(1, 10_000), STREAMS_PER_CONNECTION)
    .addOption(
      new Option("--wait <time>", "how long to wait for a server that is not there yet")
        .argParser(durationArgument)
        .default(WAIT_MS, formatDurationMs(WAIT_MS)),
    )
    .option("--json", "the ledger as a JSON object")
    .addHelpText("after", HELP)
    .action(simulate);
}

async function simulate(file: string | undefined, flags: Flags): Promise<void> {
  const { server } = flags;
  const { scenario, spanAt } = await scenarioOf(file, flags, Date.now());
  const devices = scenario.fleets.reduce((sum, fleet) => sum + fleet.devices, 0);
  const stop = interruptSignal();
  await reached(server, flags.wait, stop);
  const nowMs = Date.now();
  const span = spanAt(nowMs);
  say(beginning(span, devices, server, nowMs));
  for (const hint of narrowNetworks(scenario.fleets, span)) console.error(pc.yellow(hint));
  const ledger = new Ledger();
  const status = showStatus(ledger);
  const startedAtMs = performance.now();
  const networks = await networksOf(scenario, server);
  const outagesMs = Math.max(0, ...scenario.fleets.map(({ network }) => network?.outageMs ?? 0));
  const silenceMsMax = SILENCE_MS_MAX + outagesMs;
  const waiting = patience({
    ...{ ledger, stop, silenceMsMax, clock: systemClock, endMs: span.toUs / 1_000 },
    onSilence() {
      const since = formatDurationMs(silenceMsMax);
      status.aside(() =>
        console.error(pc.yellow(`${server}: no answer for ${since}; what was sent is waited for no longer`)),
      );
    },
  });
  // What was sent is to arrive, whatever the network was to do.
  stop.addEventListener("abort", () => {
    networks.forEach((network) => network.heal());
    if (ledger.unanswered === 0) return;
    const patient = `waiting for answers to what was sent, ${formatDurationMs(FLUSH_MS_MAX)} at most; Ctrl-C ends at once`;
    status.aside(() => say(patient));
  });
  let failure: unknown;
  try {
    await runFleets({
      ...{ scenario, span, ledger, stop, cut: waiting.cut },
      connect: (fleet) => connectTo(networks.get(fleet)?.address ?? server),
      streamsPerConnection: flags.streams,
      onRetry: throttledTeller(server, status),
    });
  } catch (error) {
    failure = error;
  } finally {
    waiting.close();
    status.stop();
    networks.forEach((network) => network.close());
  }
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const stored = await askStored(server, scenario, ledger);
  const outcome = outcomeOf(ledger, stored, { devices, seconds });
  process.stdout.write(flags.json ? `${JSON.stringify(outcome, null, 2)}\n` : outcomeText(outcome));
  if (failure !== undefined) throw failure;
  if (!isWhole(outcome)) process.exitCode = 1;
}

/** Throws where nobody answers within `waitMs`, before anything is made that could be lost. */
async function reached(server: string, waitMs: number, stop: AbortSignal): Promise<void> {
  const telling = setTimeout(() => say(`waiting for ${server}, ${formatDurationMs(waitMs)} at most`), 1_000);
  try {
    await reachServer(server, waitMs, stop);
  } catch (error) {
    if (!(error instanceof WatchpostError) || error.status !== "UNAVAILABLE") throw error;
    throw new WatchpostError("UNAVAILABLE", `nothing was sent: ${error.message}; --wait 10m waits longer`);
  } finally {
    clearTimeout(telling);
  }
}

/** Those of the fleets that are not to reach the server as this machine does. */
async function networksOf({ seed, fleets }: Scenario, server: string): Promise<Map<Fleet, BadNetwork>> {
  const networks = new Map<Fleet, BadNetwork>();
  for (const fleet of fleets) {
    if (fleet.network === undefined) continue;
    const random = new Random(`${seed}`).split("network").split(fleet.name);
    networks.set(fleet, await startBadNetwork(server, fleet.network, random));
  }
  return networks;
}

/** Undefined where nobody answers: said on stderr. */
async function askStored(server: string, { fleets }: Scenario, ledger: Ledger): Promise<Stored | undefined> {
  say("asking the server what it stored …");
  const connection: Connection = connectTo(server);
  const patient = AbortSignal.timeout(COUNT_MS_MAX);
  try {
    await reachServer(server, REACH_AGAIN_MS, patient);
    return await countStored(connection, fleets, ledger, { signal: patient });
  } catch (error) {
    if (!(error instanceof WatchpostError) && (error as { code?: unknown }).code === undefined) throw error;
    const why = patient.aborted
      ? `no whole answer from ${server} within ${formatDurationMs(COUNT_MS_MAX)}`
      : messageOf(error);
    console.error(pc.red(`what is stored could not be asked: ${why}`));
    return undefined;
  } finally {
    connection.close();
  }
}

function say(sentence: string): void {
  process.stderr.write(`${pc.dim(sentence)}\n`);
}

/** What thousands of streams say when a server goes is said once in a while. */
function throttledTeller(server: string, status: StatusLine): (retry: Retry) => void {
  let toldAtMs = -Infinity;
  return ({ error }) => {
    const nowMs = performance.now();
    if (nowMs - toldAtMs < TELL_EVERY_MS) return;
    toldAtMs = nowMs;
    status.aside(() => console.error(pc.yellow(`${server}: ${error.message} (${error.status}); trying again`)));
  };
}
