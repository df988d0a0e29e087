/** The Server service, over messages. */
import { invalidField } from "../model/errors.ts";
import type { Scope } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import { pause } from "../model/pause.ts";
import { Server, type WatchStatusRequest } from "../wire/gen/server_pb.ts";
import { serverStreaming, unary, type MethodImpl } from "../wire/service.ts";
import { listChanges, watchChanges, type ChangesDeps } from "./changes.ts";
import type { ServerBoard, ServerStatusMessage } from "./server-board.ts";

export interface OverviewDeps extends ChangesDeps {
  readonly board: Pick<ServerBoard, "status">;
  readonly clock: Clock;
}

const [INTERVAL_MS, INTERVAL_MS_MIN, INTERVAL_MS_MAX] = [1_000, 500, 60_000];

export function overviewMethods(deps: OverviewDeps): MethodImpl[] {
  const { method } = Server;
  return [
    serverStreaming(method.watchStatus, (request, { principal, signal }) =>
      watchStatus(request, principal.scope, deps, signal),
    ),
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
