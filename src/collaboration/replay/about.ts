/**
 * What a session was about, which decides the alerts and metrics that are replayed with it:
 *
 * - its topic: alerts, incidents, devices, metrics;
 * - what its messages name: `alert_id`, `incident_id`, `device` and `metric` in the metadata of actions, and pins and links of the
 *   annotations and issues they hold;
 * - pins of annotations and links of issues that were made in it.
 *
 * Of a device all alerts and all series count, of an alert the series it was about.
 */
import type { JournalEntry } from "../../model/journal.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { Session } from "../../wire/gen/collaboration_pb.ts";
import type { Issue } from "../../wire/gen/issues_pb.ts";
import type { Alert } from "../../wire/gen/alerts_pb.ts";
import type { SessionMessage } from "../session-message.ts";

/** Some series: all that is given must hold. */
export interface SeriesSelector {
  /** Name or glob. */
  readonly metric?: string;
  /** Exact, as the others. */
  readonly source?: string;
  readonly device?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Names beyond it are not looked at. */
const NAMES_MAX = 10_000;

export class About {
  readonly #alertIds = new Set<string>();
  readonly #incidentIds = new Set<string>();
  readonly #devices = new Set<string>();
  readonly #series = new Map<string, SeriesSelector>();

  constructor({ topic }: Pick<Partial<Session>, "topic">) {
    topic?.alertIds.forEach((id) => add(this.#alertIds, id));
    topic?.incidentIds.forEach((id) => add(this.#incidentIds, id));
    topic?.devices.forEach((device) => add(this.#devices, device));
    topic?.metrics.forEach((metric) => this.#addSeries({ metric }));
  }

  /** Everything that another one has. */
  addAll(other: About): void {
    other.#alertIds.forEach((id) => add(this.#alertIds, id));
    other.#incidentIds.forEach((id) => add(this.#incidentIds, id));
    other.#devices.forEach((device) => add(this.#devices, device));
    other.#series.forEach((selector) => this.#addSeries(selector));
  }

  addMessage({
    type,
    metadata,
    annotation,
    issue,
  }: Pick<SessionMessage, "type" | "metadata" | "annotation" | "issue">) {
    if (annotation !== undefined) this.addAnnotation(annotation);
    if (issue !== undefined) this.addIssue(issue);
    if (type !== "action") return;
    add(this.#alertIds, metadata["alert_id"]);
    add(this.#incidentIds, metadata["incident_id"]);
    add(this.#devices, metadata["device"]);
    if (metadata["metric"]) this.#addSeries({ metric: metadata["metric"] });
  }

  addAnnotation({ pin }: Annotation): void {
    if (pin === undefined) return;
    add(this.#alertIds, pin.alertId);
    if (pin.metric === "") return add(this.#devices, pin.device);
    const { metric, source, device, tags } = pin;
    this.#addSeries({ metric, ...(source && { source }), ...(device && { device }), tags });
  }

  addIssue({ links }: Issue): void {
    links?.alertIds.forEach((id) => add(this.#alertIds, id));
    links?.devices.forEach((device) => add(this.#devices, device));
  }

  /** Its series count from now on. */
  addAlert({ context }: Alert): void {
    const { metric, source, device } = context;
    if (metric) this.#addSeries({ metric, ...(source && { source }), ...(device && { device }) });
  }

  hasAlert({ id, incidentId, context }: Alert): boolean {
    return this.#alertIds.has(id) || this.#incidentIds.has(incidentId) || this.#devices.has(context["device"] ?? "");
  }

  /** Names that it holds. */
  get size(): number {
    return this.#alertIds.size + this.#incidentIds.size + this.#devices.size + this.#series.size;
  }

  get mayHaveAlerts(): boolean {
    return this.#alertIds.size + this.#incidentIds.size + this.#devices.size > 0;
  }

  series(): SeriesSelector[] {
    return [...this.#series.values(), ...[...this.#devices].map((device) => ({ device }))];
  }

  #addSeries(selector: SeriesSelector): void {
    if (this.#series.size < NAMES_MAX) this.#series.set(JSON.stringify(selector), selector);
  }
}

function add(names: Set<string>, name: string | undefined): void {
  if (name && names.size < NAMES_MAX) names.add(name);
}

/** An entry of the journal that cannot be shown: the message names it. */
export function unreadable({ kind, position }: JournalEntry): string {
  return `entry ${position} of the journal, of kind ${kind}, cannot be read`;
}
