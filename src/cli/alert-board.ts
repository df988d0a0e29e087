/** What a live list knows: the alerts that are active, and what has become of them meanwhile. */
import type { AlertNews } from "../client/follow-alerts.ts";
import { SEVERITIES } from "../alerts/severity.ts";
import { AlertChange, AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
import { gravestFirst, painted } from "./alert-text.ts";
import { textTable } from "./text-table.ts";

interface Count {
  fired: number;
  cleared: number;
}

export class AlertBoard {
  readonly #active = new Map<string, Alert>();
  /** By severity, when that happened. */
  readonly #counts = new Map<string, Count>();
  /** Undefined where it has to be made anew. */
  #sorted: readonly Alert[] | undefined;
  #late = 0;
  #hasSnapshot = false;

  /** The gravest first. */
  get active(): readonly Alert[] {
    return (this.#sorted ??= [...this.#active.values()].sort(gravestFirst));
  }

  take(news: AlertNews): void {
    this.#sorted = undefined;
    if (news.kind === "snapshot") this.#replace(news.alerts);
    else this.#change(news.alert);
  }

  /** A table with a line for each severity. */
  summary(): string {
    const rows = SEVERITIES.toReversed().map((severity) => {
      const active = this.active.filter((alert) => alert.severity === severity).length;
      return { severity, ...this.#countOf(severity), active };
    });
    const number = (title: string, of: (row: (typeof rows)[number]) => number) => {
      return { title, right: true, cell: (row: (typeof rows)[number]) => of(row).toLocaleString("en-US") };
    };
    const table = textTable(
      [
        { title: "SEVERITY", cell: ({ severity }) => painted(severity) },
        number("FIRED", ({ fired }) => fired),
        number("CLEARED", ({ cleared }) => cleared),
        number("STILL ACTIVE", ({ active }) => active),
      ],
      rows,
    );
    return this.#late === 0 ? table : `${table}${this.#late.toLocaleString("en-US")} in points that came late\n`;
  }

  /** What fired or was cleared while nobody could tell counts like what was told. */
  #replace(alerts: readonly Alert[]): void {
    if (this.#hasSnapshot) {
      const standing = new Set(alerts.map(({ id }) => id));
      for (const { id, severity } of this.#active.values()) if (!standing.has(id)) this.#countOf(severity).cleared++;
      for (const { id, severity } of alerts) if (!this.#active.has(id)) this.#countOf(severity).fired++;
    }
    this.#hasSnapshot = true;
    this.#active.clear();
    for (const alert of alerts) this.#active.set(alert.id, alert);
  }

  #change(alert: Alert): void {
    const { id, severity, change, removed, state } = alert;
    if (change === AlertChange.FIRED) this.#countOf(severity).fired++;
    else if (change === AlertChange.CLEARED) this.#countOf(severity).cleared++;
    else if (change === AlertChange.LATE) this.#late++;
    if (removed || state === AlertState.CLEARED) this.#active.delete(id);
    else this.#active.set(id, alert);
  }

  #countOf(severity: string): Count {
    let count = this.#counts.get(severity);
    if (count === undefined) this.#counts.set(severity, (count = { fired: 0, cleared: 0 }));
    return count;
  }
}
