/** Sessions, their recordings, and how long the journal and what is told in sessions are kept. */
import type { OpenAlerts } from "../alerts/open-alerts.ts";
import { replayedAlert } from "../alerts/replayed-alert.ts";
import { replayedSilence } from "../alerts/replayed-silence.ts";
import { openCollaboration, type OpenCollaboration } from "../collaboration/open-collaboration.ts";
import { openReplay } from "../collaboration/replay/replay-methods.ts";
import type { Config } from "../config/config.ts";
import { forgetOld, trimSlice } from "../log/journal-retention.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { commandsOf } from "../wire/call-method.ts";
import type { MethodImpl } from "../wire/service.ts";
import { AlertLabels } from "./alert-labels.ts";
import type { Storage } from "./open-storage.ts";

export interface SessionsDeps {
  /** Methods that write down who did what. */
  written(methods: readonly MethodImpl[]): readonly MethodImpl[];
  readonly alerts: OpenAlerts;
  readonly scopes: SeriesScopes;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** `opening` closes what was opened. */
export async function openSessions(
  config: Config,
  { journal, history, registry, garbage }: Storage,
  { alerts, scopes, written, logger, clock, metrics }: SessionsDeps,
  opening: AsyncDisposableStack,
): Promise<{ readonly collaboration: OpenCollaboration; readonly methods: readonly MethodImpl[] }> {
  const labels = opening.use(new AlertLabels({ book: alerts.book, journal }));
  const pause = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const collaboration = await openCollaboration({
    journal,
    clock,
    metrics,
    options: { streamsMax: config.sessions.streams_max, messagesPerSecond: config.sessions.messages_per_second },
    garbage,
    commands: commandsOf(written(alerts.methods)),
    openings: {
      of: (rule) => alerts.rules.get(rule)?.rule.opens ?? [],
      isAny: () => alerts.rules.isOpening,
    },
    newId: () => crypto.randomUUID(),
    surroundings: {
      scopes,
      registry,
      labelsOfAlert: (id) => labels.labelsOfAlert(id),
      labelsOfIncident: (id) => labels.labelsOfIncident(id),
      onChanged(listener) {
        const ends = [scopes.onMoved(() => listener("places")), labels.onIncident(() => listener("topics"))];
        return () => ends.forEach((end) => end());
      },
    },
    pause,
    onTrouble: (sentence) => logger.error({ trouble: sentence }, "sessions have trouble"),
  });
  opening.defer(() => collaboration.close());
  const replayed = await openReplay({
    ...collaboration.made,
    visibility: collaboration.visibility,
    scopes,
    journal,
    store: history,
    registry,
    clock,
    pause,
    replayedAlert,
    replayedSilence: (entry) => replayedSilence(entry, (scope) => alerts.sees(scope)),
    sessionFor: (id, context) => collaboration.sessionFor(id, context),
    sessionNow: (id) => collaboration.rooms.find(id),
    isTaken: (id) => collaboration.rooms.isTaken(id),
    whileAway: (id, run) => collaboration.rooms.whileAway(id, run),
  });
  const onGrowth = (sentence: string) => logger.error({ trouble: sentence }, "the journal grows");
  const forgetting = { clock, onTrouble: onGrowth };
  const slices = [trimSlice(journal, clock), alerts.forgetOld];
  opening.defer(forgetOld(slices, { ...forgetting, keptMs: config.retention.journal }));
  opening.defer(forgetOld([collaboration.forgetOld], { ...forgetting, keptMs: config.retention.sessions }));
  return { collaboration, methods: [...collaboration.methods, ...replayed] };
}
