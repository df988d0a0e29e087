/** What a simulation is to be: from a scenario file and from flags, which go before it. */
import { invalidField, WatchpostError } from "../../model/errors.ts";
import type { Fleet, Scenario } from "../../simulate/fleet.ts";
import { BATTERY } from "../../simulate/profile.ts";
import { PROFILES } from "../../simulate/profiles.ts";
import type { Span } from "../../simulate/simulated-device.ts";
import { contentOf, nameOf } from "../read-rules.ts";
import { timeUsOf } from "../time-argument.ts";
import { faultOfFlag, networkOfFlag, parseScenario, type WrittenScenario } from "./scenario-input.ts";

interface FleetFlags {
  readonly profile?: string;
  readonly name?: string;
  readonly devices?: number;
  readonly gateways?: number;
  readonly interval?: number;
  readonly rate?: number;
  readonly batch?: number;
  readonly fault?: readonly string[];
  readonly network?: string;
}

export interface ScenarioFlags extends FleetFlags {
  readonly seed?: number;
  readonly from?: string;
  readonly to?: string;
  readonly duration?: number;
  readonly speed?: number;
}

export interface WantedScenario {
  readonly scenario: Scenario;
  /** When its readings are, where it begins at `nowMs`. */
  spanAt(nowMs: number): Span;
}

const FLEET_FLAGS = [
  ...["profile", "name", "devices", "gateways", "interval", "rate", "batch", "fault", "network"],
] as readonly (keyof FleetFlags)[];
const DEVICES = 20;
/** Streams are opened before the first readings are due: all at once they would be late. */
const OPENING_MS_A_DEVICE = 1;

/** Throws INVALID_ARGUMENT, or FAILED_PRECONDITION with all that is wrong with the file. */
export async function scenarioOf(
  file: string | undefined,
  flags: ScenarioFlags,
  nowMs: number,
): Promise<WantedScenario> {
  if (flags.to !== undefined && flags.duration !== undefined) {
    throw new WatchpostError("INVALID_ARGUMENT", "--to and --duration say the same; wanted one of them");
  }
  let written: Partial<WrittenScenario> = {};
  if (file !== undefined) {
    const other = FLEET_FLAGS.find((flag) => flags[flag] !== undefined);
    if (other !== undefined) {
      const wanted = "with a scenario file only --seed, --from, --to, --duration and --speed";
      throw new WatchpostError(
        "INVALID_ARGUMENT",
        `--${other} is said of fleets, which ${file} does; wanted ${wanted}`,
      );
    }
    written = parseScenario(nameOf(file), await contentOf(file), nowMs);
  }
  const speed = flags.speed ?? written.speed ?? 1;
  const fleets = written.fleets ?? [fleetOf(flags, speed)];
  const devices = fleets.reduce((sum, fleet) => sum + fleet.devices, 0);
  const spanAt = (atMs: number) =>
    spanOf(flags, written, { speed, nowMs: atMs, beginMs: atMs + devices * OPENING_MS_A_DEVICE });
  // What is wrong with times is said before anything else happens.
  spanAt(nowMs);
  return { scenario: { seed: flags.seed ?? written.seed ?? 1, fleets }, spanAt };
}

function fleetOf(flags: FleetFlags, speed: number): Fleet {
  const { devices = DEVICES, gateways = 0, batch = 1, interval, rate, fault = [], network } = flags;
  const profile = PROFILES.find((each) => each.name === flags.profile) ?? PROFILES[0];
  const { name = profile.name } = flags;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
    throw invalidField("--name", name, "letters, digits, '.', '_' and '-', at most 64");
  }
  if (interval !== undefined && rate !== undefined) {
    throw new WatchpostError("INVALID_ARGUMENT", "--interval and --rate say the same; wanted one of them");
  }
  const sensors = [...profile.sensors, ...(profile.isOnBattery ? [BATTERY] : [])].length;
  const intervalMs =
    rate === undefined ? (interval ?? profile.intervalMs) : ((devices * sensors * 1_000) / rate) * speed;
  return {
    ...{ name, profile, devices, gateways, site: "site-1", intervalMs, batch, tags: {} },
    faults: fault.map(faultOfFlag),
    network: network === undefined ? undefined : networkOfFlag(network),
  };
}

/** `beginMs`: when live readings begin where nobody says when. */
function spanOf(
  flags: ScenarioFlags,
  written: Partial<WrittenScenario>,
  { speed, nowMs, beginMs }: { readonly speed: number; readonly nowMs: number; readonly beginMs: number },
): Span {
  const fromUs = flags.from !== undefined ? timeUsOf("--from", flags.from, nowMs) : (written.fromUs ?? beginMs * 1_000);
  const after = (durationMs: number) => (beginMs + durationMs) * 1_000;
  let toUs = Infinity;
  if (flags.to !== undefined) toUs = timeUsOf("--to", flags.to, nowMs);
  else if (flags.duration !== undefined) toUs = after(flags.duration);
  else if (written.toUs !== undefined) toUs = written.toUs;
  else if (written.durationMs !== undefined) toUs = after(written.durationMs);
  if (toUs <= fromUs) {
    const [from, to] = [fromUs, toUs].map((timeUs) => new Date(timeUs / 1_000).toISOString());
    throw new WatchpostError(
      "INVALID_ARGUMENT",
      `the simulation ends at ${to}; wanted an end after its beginning, ${from}`,
    );
  }
  return { fromUs, toUs, speed, liveFromUs: nowMs * 1_000 };
}
