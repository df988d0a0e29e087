/** What became of the alerts of a session while one was in it. Pure. */
import type { Alert } from "../../wire/gen/alerts_pb.ts";
import { msOf } from "../format.ts";

export interface AlertNotice {
  readonly key: string;
  readonly atMs: number;
  readonly alertId: string;
  readonly severity: string;
  readonly title: string;
  readonly became: "fires" | "is over" | typeof UNTOLD;
}

/** It is not among those that fire, and nobody has said that it is over: the server may have been emptied, or another one. */
const UNTOLD = "is not known to the server any more";

/** Of more the earliest are let go: what fires stands beside what is said anyway. */
export const NOTICES_MAX = 200;

export class AlertNotices {
  #active = new Map<string, Alert>();
  #notices: readonly AlertNotice[] = [];

  /** `active`: those that fire now; the same again changes nothing. `isOver`: of another one, whether it was told. In order of time. */
  take(active: readonly Alert[], isOver: (id: string) => boolean, nowMs: number): readonly AlertNotice[] {
    const after = new Map(active.map((alert) => [alert.id, alert]));
    const fired = active.filter(({ id }) => !this.#active.has(id));
    const over = [...this.#active.values()].filter(({ id }) => !after.has(id));
    this.#active = after;
    if (fired.length + over.length === 0) return this.#notices;
    const added = [
      ...fired.map((alert) => noticeOf(alert, "fires", msOf(alert.createdAt) ?? nowMs)),
      ...over.map((alert) => noticeOf(alert, isOver(alert.id) ? "is over" : UNTOLD, nowMs)),
    ];
    this.#notices = [...this.#notices, ...added].sort((a, b) => a.atMs - b.atMs).slice(-NOTICES_MAX);
    return this.#notices;
  }
}

function noticeOf({ id, severity, title }: Alert, became: AlertNotice["became"], atMs: number): AlertNotice {
  return { key: `${id} ${became} ${atMs}`, atMs, alertId: id, severity, title, became };
}
