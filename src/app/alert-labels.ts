/** What alerts are about, as sessions, issues and notes about them have to know: by their ids and those of incidents. */
import { CLEARED_ALERTS } from "../alerts/alert-documents.ts";
import { AlertRecord } from "../alerts/alert.ts";
import type { AlertBook } from "../alerts/alert-book.ts";
import type { Labels, Surroundings } from "../collaboration/seen/visibility.ts";
import type { StoredDocument } from "../model/journal.ts";

export interface AlertLabelsDeps {
  readonly book: Pick<AlertBook, "get" | "active" | "follow">;
  readonly journal: { document(collection: string, key: string): Promise<StoredDocument | undefined> };
}

/** Alerts of long ago whose labels are at hand; they do not change. */
const REMEMBERED_MAX = 10_000;

export class AlertLabels implements Pick<Surroundings, "labelsOfAlert" | "labelsOfIncident">, Disposable {
  readonly #deps: AlertLabelsDeps;
  readonly #remembered = new Map<string, Labels>();
  /** Labels of active alerts by incident and alert; null before anybody asks, for most servers have nobody who sees a part. */
  #incidents: Map<string, Map<string, Labels>> | null = null;
  #unfollow = () => {};
  readonly #listeners = new Set<() => void>();

  constructor(deps: AlertLabelsDeps) {
    this.#deps = deps;
  }

  labelsOfAlert(id: string): Labels | undefined | Promise<Labels | undefined> {
    return this.#deps.book.get(id)?.labels ?? this.#remembered.get(id) ?? this.#read(id);
  }

  labelsOfIncident(id: string): Iterable<Labels> {
    this.#incidents ??= this.#gather();
    return this.#incidents.get(id)?.values() ?? [];
  }

  /** Calls `listener` when an incident has other alerts, from when somebody has asked for one. Returns what ends it. */
  onIncident(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#listeners.clear();
  }

  async #read(id: string): Promise<Labels | undefined> {
    const stored = await this.#deps.journal.document(CLEARED_ALERTS, id);
    const labels = stored === undefined ? undefined : labelsIn(stored.value);
    if (labels === undefined) return undefined;
    const [first] = this.#remembered.keys();
    if (first !== undefined && this.#remembered.size >= REMEMBERED_MAX) this.#remembered.delete(first);
    this.#remembered.set(id, labels);
    return labels;
  }

  #gather(): Map<string, Map<string, Labels>> {
    const incidents = new Map<string, Map<string, Labels>>();
    /** Whether the incident has other alerts. */
    const take = ({ id, incidentId, labels, clearedAtMs }: AlertRecord): boolean => {
      const alerts = incidents.get(incidentId) ?? new Map<string, Labels>();
      const isKnown = alerts.has(id);
      const isActive = clearedAtMs === null && incidentId !== "";
      if (isActive) incidents.set(incidentId, alerts.set(id, labels));
      else if (alerts.delete(id) && alerts.size === 0) incidents.delete(incidentId);
      return isActive !== isKnown;
    };
    for (const alert of this.#deps.book.active()) take(alert);
    this.#unfollow = this.#deps.book.follow(({ alert }) => {
      if (take(alert)) for (const listener of this.#listeners) listener();
    });
    return incidents;
  }
}

/** Undefined where it is no alert as this version writes them. */
function labelsIn(text: string): Labels | undefined {
  try {
    return AlertRecord.fromJson(text).labels;
  } catch {
    return undefined;
  }
}
