/** What stands around sessions in tests: series, sites of devices, and alerts. */
import { scopeOf, type ScopePatterns } from "../../src/model/access.ts";
import type { Clock } from "../../src/model/clock.ts";
import { deviceOf, seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { SEES_EVERY_NAME } from "../../src/collaboration/seen/named.ts";
import {
  Visibility,
  type Change,
  type Labels,
  type Made,
  type Surroundings,
  type Viewer,
} from "../../src/collaboration/seen/visibility.ts";
import { ANONYMOUS, type Principal } from "../../src/wire/service.ts";

export class ToySurroundings implements Surroundings {
  readonly registry = new SeriesRegistry({ seriesMax: 1e6, seriesPerSourceMax: 1e6 });
  readonly sites = new Map<string, string>();
  readonly alerts = new Map<string, Labels>();
  /** Ids of active alerts. */
  readonly incidents = new Map<string, readonly string[]>();
  /** Alerts whose labels have to be read. */
  readonly longOver = new Set<string>();
  readonly #listeners = new Set<(what: Change) => void>();
  readonly scopes = new SeriesScopes(this.registry, {
    siteOf: (device) => this.sites.get(device) ?? "",
    seriesOf: (device) => this.ids().filter((id) => deviceOf(this.registry.identityOf(id)) === device),
  });

  ids(): number[] {
    return Array.from({ length: this.registry.idEnd }, (_, id) => id).filter((id) => this.registry.has(id));
  }

  series(metric: string, source: string, tags: Readonly<Record<string, string>> = {}): number {
    return this.registry.add(seriesKey(metric, source, Object.entries(tags)), source) as number;
  }

  move(device: string, site: string): void {
    this.sites.set(device, site);
    this.scopes.moved(device);
    this.#tell("places");
  }

  /** `alerts`: those that are active from now on. */
  correlate(incident: string, alerts: readonly string[]): void {
    this.incidents.set(incident, alerts);
    this.#tell("topics");
  }

  onChanged(listener: (what: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  labelsOfAlert(id: string): Labels | undefined | Promise<Labels | undefined> {
    const labels = this.alerts.get(id);
    return this.longOver.has(id) ? Promise.resolve(labels) : labels;
  }

  labelsOfIncident(id: string): Labels[] {
    return (this.incidents.get(id) ?? []).map((alert) => this.alerts.get(alert)!);
  }

  #tell(what: Change): void {
    for (const listener of this.#listeners) listener(what);
  }
}

export const EVERYBODY: Viewer = { principal: ANONYMOUS, sees: SEES_EVERY_NAME };

export function visibilityOf(
  clock: Pick<Clock, "monotonicMs" | "after">,
  surroundings = new ToySurroundings(),
  made: Partial<Made> = {},
): Visibility {
  const nothing = { session: () => undefined, annotation: async () => undefined };
  return new Visibility({ surroundings, made: { ...nothing, ...made }, clock, run: "run", pause: async () => {} });
}

/** Proven, with a scope. */
export function seeing(name: string, patterns: Partial<ScopePatterns> = {}): { readonly principal: Principal } {
  const scope = scopeOf({ sources: [], devices: [], sites: [], ...patterns });
  return { principal: { ...ANONYMOUS, name, isAuthenticated: true, role: "operator", scope, via: "token" } };
}
