/** A start that ends when the process is asked to stop, for whatever it waits. */
import { startServer, type RunningServer, type ServerDeps } from "../app.ts";
import type { Config } from "../config/config.ts";
import { WatchpostError } from "../model/errors.ts";

/** Undefined: `deps.signal` was aborted while it waited. Rejects as {@link startServer} does otherwise. */
export async function startUnlessStopped(
  config: Config,
  deps: ServerDeps & { readonly signal: AbortSignal },
): Promise<RunningServer | undefined> {
  try {
    return await startServer(config, deps);
  } catch (error) {
    if (deps.signal.aborted && error instanceof WatchpostError && error.status === "CANCELLED") return undefined;
    throw error;
  }
}
