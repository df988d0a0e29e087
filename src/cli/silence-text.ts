/** Parts of silences as text for people. */
import { SilenceState, type Silence } from "../wire/gen/alerts_pb.ts";
import { msOf } from "./alert-text.ts";
import { scopeOf, scopeText } from "../model/access.ts";
import { formatDurationMs } from "../model/duration.ts";
import { printable } from "./watch-table.ts";

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];

/** "device="pump-1" severity!="critical"", and of which part of the server alone: ", of sites berlin alone". */
export function matchersOf({ matchers, scope }: Silence): string {
  const part = scope === undefined ? "" : `, of ${scopeText(scopeOf(scope))} alone`;
  return printable(`${matchers.join(" ")}${part}`);
}

/** "active, 1h30m left", "begins in 2h, for 30m", "over, 5m ago". */
export function stateWords({ state, startsAt, endsAt }: Silence, nowMs: number): string {
  const [fromMs, toMs] = [msOf(startsAt), msOf(endsAt)];
  switch (state) {
    case SilenceState.PENDING:
      return `begins in ${spanWords(fromMs - nowMs)}, for ${spanWords(toMs - fromMs)}`;
    case SilenceState.ACTIVE:
      return `active, ${spanWords(toMs - nowMs)} left`;
    case SilenceState.EXPIRED:
      return `over, ${spanWords(nowMs - toMs)} ago`;
    default:
      return "?";
  }
}

/** As exact as a person wants it: "45s", "1h30m", "2d4h". What is begun counts. */
export function spanWords(spanMs: number): string {
  const ms = Math.max(0, spanMs);
  const unitMs = ms < 2 * MINUTE_MS ? 1_000 : ms < DAY_MS ? MINUTE_MS : HOUR_MS;
  return formatDurationMs(Math.ceil(ms / unitMs) * unitMs);
}
