/** What an alert says of itself: labels and texts, from the rule and the series that meets it. */
import { valueForFilter } from "../model/matcher.ts";
import { deviceOf, parseSeriesKey, type SeriesIdentity } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { Description } from "./alert.ts";
import { hasSeriesState } from "./conditions/condition-state-of.ts";
import type { Instance } from "./instance.ts";
import type { Probe } from "./probe.ts";
import type { Condition, Rule } from "./rule.ts";
import type { Severity } from "./severity.ts";
import { compileTemplate, DESCRIPTION_LENGTH_MAX, TITLE_LENGTH_MAX, type Template } from "./template.ts";

/** Of what meets the condition now. */
export function describe(instance: Instance, severity: Severity, registry: SeriesRegistry): Description {
  const { rule } = instance;
  const lead = instance.leading();
  return new SeriesDescription(instance, lead, severity, observedBy(rule, lead), registry);
}

/** Of what meets it now, or did until a sample of now; `before` where that is not known, or is all the same. */
export function describeMet(
  instance: Instance,
  severity: Severity,
  registry: SeriesRegistry,
  before: Description,
): Description {
  const met = metBy(instance);
  if (met === undefined) return before;
  const now = new SeriesDescription(instance, met, severity, observedBy(instance.rule, met), registry);
  return now.isSame(before) ? before : now;
}

/** The series that meets it now, or did until a sample of now. */
export function metBy(instance: Instance): Probe | undefined {
  const lead = instance.leading();
  return lead !== null && lead.level > 0 ? lead : instance.probes.find((probe) => metUntilNow(probe, instance));
}

/** Of what met it before; `value`: what was compared with the limit then. */
export function describeLate(
  instance: Instance,
  probe: Probe,
  severity: Severity,
  value: number,
  registry: SeriesRegistry,
): Description {
  return new SeriesDescription(instance, probe, severity, value, registry);
}

/** Keeps what it takes to say everything when it is asked. */
class SeriesDescription implements Description {
  readonly value: number;
  readonly #rule: Rule;
  /** Null where there is no series. */
  readonly #seriesKey: string | null;
  readonly #severity: Severity;

  constructor(
    { rule, probes }: Instance,
    probe: Probe | null,
    severity: Severity,
    value: number,
    registry: SeriesRegistry,
  ) {
    const member = probe ?? probes[0];
    this.value = value;
    this.#rule = rule;
    this.#seriesKey = member === undefined ? null : registry.keyOf(member.seriesId);
    this.#severity = severity;
  }

  isSame(other: Description): boolean {
    return (
      other instanceof SeriesDescription &&
      other.#rule === this.#rule &&
      other.#seriesKey === this.#seriesKey &&
      other.#severity === this.#severity &&
      Object.is(other.value, this.value)
    );
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#said().labels;
  }

  get metric(): string {
    return this.#said().metric;
  }

  get source(): string {
    return this.#said().source;
  }

  get device(): string {
    return this.#said().device;
  }

  get title(): string {
    return textsOf(this.#rule).title(this.#context());
  }

  get description(): string {
    return textsOf(this.#rule).description(this.#context());
  }

  get runbook(): string {
    return this.#rule.runbook;
  }

  #context() {
    const [rule, severity] = [this.#rule, this.#severity];
    const limit = limitOf(rule.condition, severity);
    return { value: this.value, limit, severity, rule: rule.name, ...this.#said() };
  }

  #said(): Place {
    if (said === null || said.by !== this) said = { by: this, place: this.#place() };
    return said.place;
  }

  #place(): Place {
    const { groupBy, condition, labels } = this.#rule;
    const identity = this.#seriesKey === null ? null : parseSeriesKey(this.#seriesKey);
    const own = identity === null ? {} : ownLabels(identity, groupBy);
    const isAbsent = groupBy !== undefined && condition.kind === "absence";
    // A device sends through one source as a rule.
    const isOneSource = groupBy === undefined || own["device"] !== undefined;
    return {
      // Those of the rule do not make two alerts one.
      labels: { ...labels, ...own },
      metric: isAbsent ? "" : (identity?.metric ?? ""),
      source: own["source"] ?? (isOneSource ? (identity?.source ?? "") : ""),
      device: own["device"] ?? "",
    };
  }
}

/** Where it is. */
type Place = Pick<Description, "labels" | "metric" | "source" | "device">;

/** What was said last: of one alert all is asked for, one after the other. */
let said: { readonly by: SeriesDescription; readonly place: Place } | null = null;

interface Texts {
  readonly title: Template;
  readonly description: Template;
}

const texts = new WeakMap<Rule, Texts>();

export function textsOf(rule: Rule): Texts {
  let compiled = texts.get(rule);
  if (compiled === undefined) {
    compiled = {
      title: compileTemplate(rule.title, TITLE_LENGTH_MAX),
      description: compileTemplate(rule.description, DESCRIPTION_LENGTH_MAX),
    };
    texts.set(rule, compiled);
  }
  return compiled;
}

/** What the limit was compared with; NaN where nothing was. */
export function observedBy({ condition }: Rule, probe: Probe | null): number {
  if (probe === null) return NaN;
  return hasSeriesState(condition) ? (probe.state?.observed ?? probe.value) : probe.value;
}

/** A state that all series share keeps nothing, so it can be asked of a value that is over. */
function metUntilNow({ state, clockUs, value }: Probe, { rule, clockUs: nowUs }: Instance): boolean {
  return state !== null && !hasSeriesState(rule.condition) && clockUs === nowUs && state.take(clockUs, value, 1) > 0;
}

function ownLabels(identity: SeriesIdentity, groupBy: readonly string[] | undefined): Record<string, string> {
  if (groupBy !== undefined) return Object.fromEntries(groupBy.map((key) => [key, valueForFilter(identity, key)]));
  const { metric, source, tags } = identity;
  return { ...Object.fromEntries(tags), metric, source, device: deviceOf(identity) };
}

/** NaN where there is not one. */
function limitOf(condition: Condition, severity: Severity): number {
  switch (condition.kind) {
    case "threshold":
    case "window":
    case "rate":
    case "n_of_m":
      return condition.limit.at;
    case "ladder":
      return condition.steps.find((step) => step.severity === severity)?.limit.at ?? NaN;
    case "deviation":
    case "seasonal":
      return condition.sigmas;
    default:
      return NaN;
  }
}
