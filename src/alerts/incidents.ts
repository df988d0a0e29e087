/**
 * Which alerts belong together: those that share a gateway, a device or a correlation label, within a window that begins
 * with the first of them. The same site alone says nothing. Pure.
 */

export interface Correlation {
  /** From the first alert of an incident on. */
  readonly windowMs: number;
  /** Labels with the same value in alerts that belong together, beside source and device. */
  readonly labels: readonly string[];
}

export const CORRELATION: Correlation = { windowMs: 15 * 60_000, labels: [] };

export interface IncidentFacts {
  readonly id: string;
  readonly firedAtMs: number;
  readonly source: string;
  readonly device: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Incident {
  readonly id: string;
  /** When its first alert fired. */
  readonly firstAtMs: number;
  /** The alert that is likely to be the cause of the others: of the device above all others, else the first. */
  readonly rootId: string;
  readonly rootDevice: string;
  readonly rootAtMs: number;
}

/** Devices above one, the nearest first. */
export type ParentsOf = (device: string) => readonly string[];

interface Standing {
  incident: Incident;
  /** What its alerts have in common with those to come. */
  readonly keys: Set<string>;
  active: number;
}

export class Incidents {
  #correlation: Correlation;
  readonly #parentsOf: ParentsOf;
  readonly #newId: () => string;
  readonly #byId = new Map<string, Standing>();
  /** The latest incident with a key. */
  readonly #byKey = new Map<string, Standing>();

  constructor(correlation: Correlation, newId: () => string, parentsOf: ParentsOf = () => []) {
    this.#correlation = correlation;
    this.#newId = newId;
    this.#parentsOf = parentsOf;
  }

  get(id: string): Incident | undefined {
    return this.#byId.get(id)?.incident;
  }

  /** Puts back an incident with the alerts that are active of it. */
  restore(incident: Incident, active: readonly IncidentFacts[]): void {
    const standing = { incident, keys: new Set<string>(), active: active.length };
    this.#byId.set(incident.id, standing);
    for (const alert of active) this.#index(standing, alert);
  }

  /** Another correlation from now on; `active`: the alerts of all incidents. Those that are incidents stay so. */
  correlateBy(correlation: Correlation, active: Iterable<IncidentFacts & { readonly incidentId: string }>): void {
    this.#correlation = correlation;
    const inOrder = [...active].sort((a, b) => this.#firstAtMs(a.incidentId) - this.#firstAtMs(b.incidentId));
    for (const alert of inOrder) {
      const standing = this.#byId.get(alert.incidentId);
      if (standing !== undefined) this.#index(standing, alert);
    }
  }

  /** An alert has fired: returns its incident, and whether that is new or has another cause now. */
  join(alert: IncidentFacts): { readonly incident: Incident; readonly isChanged: boolean } {
    const standing = this.#find(alert);
    if (standing === undefined) return { incident: this.#begin(alert), isChanged: true };
    standing.active++;
    this.#index(standing, alert);
    const { incident } = standing;
    if (!this.#isCauseOf(alert, incident)) return { incident, isChanged: false };
    standing.incident = { ...incident, ...rootOf(alert) };
    return { incident: standing.incident, isChanged: true };
  }

  /** An alert of an incident is over; returns whether the incident is, too. */
  leave(incidentId: string, nowMs: number): boolean {
    const standing = this.#byId.get(incidentId);
    if (standing === undefined) return false;
    standing.active--;
    if (standing.active > 0 || nowMs < standing.incident.firstAtMs + this.#correlation.windowMs) return false;
    this.#forget(standing);
    return true;
  }

  /** Those without active alerts whose window is over. */
  takeOver(nowMs: number): Incident[] {
    const over = [...this.#byId.values()].filter(
      ({ active, incident }) => active === 0 && nowMs >= incident.firstAtMs + this.#correlation.windowMs,
    );
    over.forEach((standing) => this.#forget(standing));
    return over.map(({ incident }) => incident);
  }

  #firstAtMs(id: string): number {
    return this.#byId.get(id)?.incident.firstAtMs ?? 0;
  }

  #find(alert: IncidentFacts): Standing | undefined {
    let first: Standing | undefined;
    for (const key of [...this.#keysOf(alert), ...this.#relativesOf(alert)]) {
      const standing = this.#byKey.get(key);
      if (standing === undefined) continue;
      const { firstAtMs } = standing.incident;
      if (Math.abs(alert.firedAtMs - firstAtMs) > this.#correlation.windowMs) continue;
      if (first === undefined || firstAtMs < first.incident.firstAtMs) first = standing;
    }
    return first;
  }

  #begin(alert: IncidentFacts): Incident {
    const incident = { id: this.#newId(), firstAtMs: alert.firedAtMs, ...rootOf(alert) };
    const standing = { incident, keys: new Set<string>(), active: 1 };
    this.#byId.set(incident.id, standing);
    this.#index(standing, alert);
    return incident;
  }

  #index(standing: Standing, alert: IncidentFacts): void {
    const above = alert.device === "" ? [] : this.#parentsOf(alert.device).map(belowKey);
    for (const key of [...this.#keysOf(alert), ...above]) {
      standing.keys.add(key);
      this.#byKey.set(key, standing);
    }
  }

  #forget(standing: Standing): void {
    this.#byId.delete(standing.incident.id);
    for (const key of standing.keys) if (this.#byKey.get(key) === standing) this.#byKey.delete(key);
  }

  #keysOf({ source, device, labels }: IncidentFacts): string[] {
    const keys = this.#correlation.labels.flatMap((name) => {
      const value = labels[name];
      return value === undefined || value === "" ? [] : [`${name}=${value}`];
    });
    // No label is called so.
    if (source !== "") keys.push(`\0source=${source}`);
    if (device !== "") keys.push(deviceKey(device));
    return keys;
  }

  /**
   * What incidents are found by of devices above it, and of those below. Two below the same one have that in common where
   * they are not about points, whose source says what they come through.
   */
  #relativesOf({ source, device }: IncidentFacts): string[] {
    if (device === "") return [];
    const above = this.#parentsOf(device);
    const beside = source === "" ? above.slice(0, 1) : [];
    return [...above.map(deviceKey), ...beside.map(belowKey), belowKey(device)];
  }

  /** A device above that of the cause so far; between others the one that came first. */
  #isCauseOf({ device, firedAtMs }: IncidentFacts, { rootDevice, rootAtMs }: Incident): boolean {
    if (device !== "" && this.#parentsOf(rootDevice).includes(device)) return true;
    if (rootDevice !== "" && this.#parentsOf(device).includes(rootDevice)) return false;
    return firedAtMs < rootAtMs;
  }
}

function deviceKey(device: string): string {
  return `\0device=${device}`;
}

function belowKey(device: string): string {
  return `\0below=${device}`;
}

function rootOf({ id, device, firedAtMs }: IncidentFacts) {
  return { rootId: id, rootDevice: device, rootAtMs: firedAtMs };
}
