/** The Server service, over messages. */
import { invalidField } from "../model/errors.ts";
import type { Scope } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import { pause } from "../model/pause.ts";
import { Server, type ListSlowRequest, type WatchStatusRequest } from "../wire/gen/server_pb.ts";
import { serverStreaming, unary, type MethodImpl } from "../wire/service.ts";
import { listChanges, watchChanges, type ChangesDeps } from "./changes.ts";
import type { CallBook } from "./call-book.ts";
import type { LevelNow, LogLevel } from "./log-level.ts";
import type { ServerBoard, ServerStatusMessage } from "./server-board.ts";
import { timestampOfMs } from "../wire/timestamp.ts";

export interface OverviewDeps {
  readonly board: Pick<ServerBoard, "status">;
  readonly clock: Clock;
  readonly calls: Pick<CallBook, "slowCalls" | "slowReaders">;
  readonly logLevel: Pick<LogLevel, "now" | "set">;
}

const [SLOW_LIMIT, SLOW_LIMIT_MAX] = [20, 50];
const [INTERVAL_MS, INTERVAL_MS_MIN, INTERVAL_MS_MAX] = [1_000, 500, 60_000];

export function overviewMethods(deps: OverviewDeps): MethodImpl[] {
  const { method } = Server;
  return [
    serverStreaming(method.watchStatus, (request, { principal, signal }) =>
      watchStatus(request, principal.scope, deps, signal),
    ),
    unary(method.listSlow, async (request) => listSlow(request, deps)),
    unary(method.getLogLevel, async () => levelMessage(deps.logLevel.now)),
    unary(method.setLogLevel, async ({ level, forMs }, { principal }) =>
      levelMessage(deps.logLevel.set(level, Number(forMs), principal.name)),
    ),
  ];
}

/** What has happened, of the same service. */
export function changesMethods(deps: ChangesDeps): MethodImpl[] {
  const { method } = Server;
  return [
    unary(method.listChanges, (request, { principal }) => listChanges(request, principal.scope, deps)),
    serverStreaming(method.watchChanges, (request, { principal, signal }) =>
      watchChanges(request, principal.scope, deps, signal),
    ),
  ];
}

/** Ends when `signal` does. */
async function* watchStatus(
  { intervalMs }: WatchStatusRequest,
  scope: Scope,
  { board, clock }: OverviewDeps,
  signal: AbortSignal,
): AsyncGenerator<ServerStatusMessage, void> {
  const everyMs = intervalMs === 0 ? INTERVAL_MS : intervalMs;
  if (everyMs < INTERVAL_MS_MIN || everyMs > INTERVAL_MS_MAX) {
    throw invalidField("interval_ms", intervalMs, `${INTERVAL_MS_MIN} to ${INTERVAL_MS_MAX}, or 0 for ${INTERVAL_MS}`);
  }
  while (!signal.aborted) {
    yield await board.status(scope);
    await pause(everyMs, clock, signal);
  }
}

function listSlow({ limit }: ListSlowRequest, { calls }: OverviewDeps) {
  if (limit < 0 || limit > SLOW_LIMIT_MAX) throw invalidField("limit", limit, `0 to ${SLOW_LIMIT_MAX}`);
  const { readers, total } = calls.slowReaders(limit || SLOW_LIMIT);
  return {
    calls: calls.slowCalls(limit || SLOW_LIMIT).map(({ endedAtMs, durationMs, series, pointsRead, ...asker }) => ({
      ...asker,
      endedAt: timestampOfMs(endedAtMs),
      durationMs: BigInt(Math.round(durationMs)),
      series: BigInt(series),
      pointsRead: BigInt(pointsRead),
    })),
    readers: readers.map(({ openedAtMs, behindMs, behindMsMax, sent, ...asker }) => ({
      ...asker,
      openedAt: timestampOfMs(openedAtMs),
      behindMs: BigInt(Math.round(behindMs)),
      behindMsMax: BigInt(Math.round(behindMsMax)),
      sent: BigInt(sent),
    })),
    readersTotal: BigInt(total),
  };
}

function levelMessage({ level, configured, untilMs }: LevelNow) {
  return { level, configured, ...(untilMs === undefined ? {} : { until: timestampOfMs(untilMs) }) };
}
