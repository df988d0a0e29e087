/** Timelines in plain text: rules, what happens at which time, and what is expected of it. */
import { parseDurationMs } from "../../src/model/duration.ts";
import { AlertsRig, START_MS, type SentPoint } from "./rig.ts";

/**
 * Of a timeline: rules in YAML up to a line `---`, what happens, and where a restart after every step gives something
 * else, another `---` and what it gives. Lines are such as
 *
 *     10s a=81 b=3        points of the first rule's metric from sources a and b; `level/a{site=x}=81` names metric, tags
 *     20s a=81@-5m        an event time before or after now; a=81@=-5m before or after the start
 *     25s restart         `restart 1m`: the server is away for so long
 *     30s                 only time passes
 *     30s ack hot a       a person does something: ack, resolve, comment, assign, delete
 *     30s put NAME        one of `changes`, rules by name beside `rules`, is put
 *     30s forget temp/a   a series is deleted
 *     30s deaf            nobody can be heard until: hearing
 *     > 30s hot/a fired medium 81
 */
export interface Timeline {
  readonly rules: readonly { readonly metric?: string }[];
  readonly changes: Readonly<Record<string, object>>;
  readonly steps: readonly { readonly atMs: number; readonly does: readonly string[] }[];
  readonly expected: readonly string[];
  readonly expectedOfRestarts: readonly string[];
}

export function timelineIn(text: string): Timeline {
  const [yaml, plain, ofRestarts = plain] = text.split(/^---$/m);
  const { rules, changes = {} } = Bun.YAML.parse(yaml) as Pick<Timeline, "rules"> & Partial<Timeline>;
  return {
    rules,
    changes,
    steps: linesIn(plain)
      .filter((line) => !line.startsWith(">"))
      .map((line) => {
        const [at, ...does] = line.split(/\s+/);
        return { atMs: parseDurationMs(at), does };
      }),
    expected: expectedIn(plain),
    expectedOfRestarts: expectedIn(ofRestarts),
  };
}

function linesIn(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
}

function expectedIn(text: string): string[] {
  return linesIn(text).flatMap((line) => (line.startsWith(">") ? [line.slice(1).trim()] : []));
}

export type Befalls =
  | "nothing"
  /** The server, after every step. */
  | "restarts"
  /** After every step rules move to another node. */
  | "moves"
  /** The node that evaluates them, after every step; then they are with the desk, or another node. */
  | "deaths";

export async function play({ rules, changes, steps }: Timeline, befalls: Befalls): Promise<string[]> {
  const rig = new AlertsRig();
  rig.isSpread = befalls !== "nothing" && befalls !== "restarts";
  await rig.open();
  await rig.put(...rules);
  if (rig.isSpread) rig.join();
  for (const { atMs, does } of steps) {
    await rig.pass(START_MS + atMs - rig.clock.nowMs());
    await doStep(rig, does, rules[0]?.metric ?? "temp", changes);
    if (befalls === "restarts") await rig.restart();
    if (befalls === "moves") await move(rig);
    if (befalls === "deaths") await die(rig);
  }
  const transcript = rig.transcript();
  await rig.close();
  return transcript;
}

/** The one that had them leaves when it has none. */
async function move(rig: AlertsRig): Promise<void> {
  rig.leave(...rig.evaluators.filter((id) => rig.alerts.spread?.held.get(id) === 0));
  rig.join();
  await rig.settle();
}

/** Every second time the desk has them until the next step. */
async function die(rig: AlertsRig): Promise<void> {
  if (rig.evaluators.length === 0) rig.join();
  else rig.leave(...rig.evaluators);
  await rig.settle();
}

async function doStep(
  rig: AlertsRig,
  does: readonly string[],
  metric: string,
  changes: Timeline["changes"],
): Promise<void> {
  const [what = "", rule = "", source = "", ...rest] = does;
  const alert = () => [...rig.alerts.book.active()].find((one) => one.rule === rule && one.source === source)!;
  if (what === "ack") rig.alerts.book.acknowledge(alert(), "eve", rest.join(" "));
  else if (what === "resolve") rig.alerts.book.resolve(alert(), "eve", rest.join(" "));
  else if (what === "comment") rig.alerts.book.comment(alert(), "eve", rest.join(" "));
  else if (what === "assign") rig.alerts.book.assign(alert(), "eve", rest.join(" "));
  else if (what === "put") await rig.put(changes[rule]);
  else if (what === "forget") rig.forget(rule);
  else if (what === "deaf" || what === "hearing") rig.setHearing(what === "hearing");
  else if (what === "restart") await rig.restart(rule === "" ? 0 : parseDurationMs(rule));
  else if (what === "delete") await rig.alerts.rules.delete(rule, "eve");
  else if (what !== "") return rig.send(...does.map((text) => pointIn(text, metric, rig.clock.nowMs())));
  await rig.settle();
}

function pointIn(text: string, metric: string, nowMs: number): SentPoint {
  const [, ownMetric, source, tags, value, base, sign, ago] =
    /^(?:([\w.]+)\/)?([\w-]+)(?:\{([^}]*)\})?=([-\d.e]+)(?:@(=?)([+-])(\w+))?$/.exec(text)!;
  const shift = ago === undefined ? 0 : (sign === "-" ? -1 : 1) * parseDurationMs(ago);
  return {
    metric: ownMetric ?? metric,
    source,
    tags: Object.fromEntries((tags ?? "").split(",").flatMap((tag) => (tag === "" ? [] : [tag.split("=")]))),
    value: Number(value),
    timeMs: (base === "=" ? START_MS : nowMs) + shift,
  };
}

/** What befalls several of them at one time has no order; what befalls one has. */
export function byAlert(lines: readonly string[]): string[] {
  const timeAndAlert = (line: string) => line.split(" ").slice(0, 2).join(" ");
  return lines.toSorted((a, b) => (timeAndAlert(a) < timeAndAlert(b) ? -1 : +(timeAndAlert(a) > timeAndAlert(b))));
}
