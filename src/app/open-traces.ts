/** Traces, where a collector is configured; otherwise nothing of them is loaded. */
import type { Config } from "../config/config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { BUILD } from "../model/build-info.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import { Seldom } from "../model/seldom.ts";
import type { BeginSpan } from "../model/span.ts";
import type { CallWatch } from "../wire/call-watch.ts";

export interface OpenTraces {
  traced(watch: CallWatch): CallWatch;
  readonly own: BeginSpan;
  readonly queued: number;
}

/** `opening` closes what was opened. */
export async function openTraces(
  { traces: { endpoint, headers: given, sample } }: Config,
  { clock, logger, metrics }: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
  opening: AsyncDisposableStack,
): Promise<OpenTraces | undefined> {
  if (endpoint === undefined) return undefined;
  const { Tracer } = await import("../traces/tracer.ts");
  const { tracedCalls } = await import("../traces/traced-calls.ts");
  const said = new Seldom(clock, (trouble) => logger.warn({ endpoint, trouble }, "traces are not taken"));
  const tracer = new Tracer({
    ...{ clock, metrics, sample },
    resource: { "service.name": "watchpost", "service.version": BUILD.version },
    random: Math.random,
    newId: (bytes) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex"),
    send: async (body, signal) => {
      const headers = { ...given, "content-type": "application/json" };
      const answer = await fetch(endpoint, { method: "POST", headers, body, signal, redirect: "error" });
      await answer.body?.cancel();
      return answer.status;
    },
    onTrouble: (sentence) => said.say(() => sentence),
  });
  opening.defer(() => tracer.close());
  return {
    traced: (watch) => tracedCalls(watch, tracer),
    own: (name) => tracer.own(name),
    get queued() {
      return tracer.queued;
    },
  };
}
