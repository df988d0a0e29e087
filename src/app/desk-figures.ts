import type { Scope } from "../model/access.ts";
import type { Watched } from "../process-metrics.ts";
import type { OverviewDeps } from "./open-overview.ts";
import type { DeskSeat } from "./desk-seat.ts";

export type DeskFigures = Pick<Watched, "alerts" | "dashboards"> & {
  readonly devices: Watched["devices"] & OverviewDeps["devices"];
  readonly sessions: Watched["sessions"] & OverviewDeps["sessions"];
};

/** What is counted of the desk, wherever it is asked for; of one that is on another node there is nothing. */
export function deskFigures(seat: Pick<DeskSeat, "here" | "engine">): DeskFigures {
  let statuses: readonly string[] = [];
  const nothing = () => new Map(statuses.map((status) => [status, 0]));
  const away = {
    engine: { counts: { evaluations: 0, lateMsMax: 0 }, rules: { size: 0 } },
    notifying: { sending: 0 },
    book: { active: () => [] },
  };
  return {
    devices: {
      get count() {
        return seat.here?.devices.count ?? 0;
      },
      get countOf() {
        const { countOf } = seat.here?.devices ?? {};
        if (countOf === undefined) return nothing();
        statuses = [...countOf.keys()];
        return countOf;
      },
      get waiting() {
        return seat.here?.devices.waiting ?? 0;
      },
      get ignoredDeaths() {
        return seat.here?.devices.ignoredDeaths ?? 0;
      },
      countsIn: async (scope: Scope) => (await seat.here?.devices.countsIn(scope)) ?? nothing(),
    },
    alerts: {
      get engine() {
        return seat.engine ?? away.engine;
      },
      get notifying() {
        return (seat.here?.alerts ?? away).notifying;
      },
      get book() {
        return (seat.here?.alerts ?? away).book;
      },
    },
    sessions: {
      get streams() {
        return seat.here?.collaboration.rooms.streams ?? 0;
      },
    },
    dashboards: {
      get count() {
        return seat.here?.dashboards.count ?? 0;
      },
    },
  };
}
