import { AlertState } from "../wire/gen/alerts_pb.ts";
import type { AlertNews } from "./follow-alerts.ts";

/**
 * Of a stream that has all alerts what is acknowledged: one that somebody acknowledges appears with that change, and one
 * that fires anew for it, being graver than what was acknowledged, is sent once more as removed.
 */
export async function* onlyAcknowledged(stream: AsyncIterable<AlertNews>): AsyncGenerator<AlertNews, void> {
  const shown = new Set<string>();
  for await (const news of stream) {
    if (news.kind === "snapshot") {
      const alerts = news.alerts.filter(({ acknowledged }) => acknowledged);
      shown.clear();
      for (const { id } of alerts) shown.add(id);
      yield { ...news, alerts };
      continue;
    }
    const { alert } = news;
    const { id, acknowledged, state } = alert;
    if (!acknowledged && !shown.has(id)) continue;
    const isOver = state === AlertState.CLEARED || !acknowledged || alert.removed;
    if (isOver) shown.delete(id);
    else shown.add(id);
    yield acknowledged ? news : { ...news, alert: { ...alert, removed: true } };
  }
}
