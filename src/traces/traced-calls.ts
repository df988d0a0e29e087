/** Calls with a span each, for whoever looks on anyway. */
import type { CallWatch, WatchedCall } from "../wire/call-watch.ts";
import { toStatus } from "../wire/status.ts";
import type { Tracer } from "./tracer.ts";

/** What a server is to blame for, as OpenTelemetry's conventions for gRPC have it. */
const FAULTS: ReadonlySet<string> = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);

export function tracedCalls(watch: CallWatch, tracer: Pick<Tracer, "server">): CallWatch {
  return {
    began(call) {
      const { name, context } = call;
      const span = tracer.server(name, context.headers.get("traceparent"));
      if (span === undefined) return watch.began(call);
      const [service, method] = name.split("/");
      if (method === undefined) span.set("http.route", name);
      else {
        span.set("rpc.system", "grpc");
        span.set("rpc.service", service);
        span.set("rpc.method", method);
      }
      span.set("client.address", context.peer);
      span.set("enduser.id", context.principal.name);
      const traced = Object.create(context, { span: { value: span } }) as typeof context;
      const watched = watch.began({ ...call, context: traced });
      let isEnded = false;
      const ended = (error?: unknown) => {
        watched.ended(error);
        if (isEnded) return;
        isEnded = true;
        const { code, name: status, message } = error === undefined ? OK : toStatus(error);
        span.set("rpc.grpc.status_code", code);
        span.end(FAULTS.has(status) ? message : undefined);
      };
      const { context: own } = watched;
      return {
        context: own,
        sends: () => watched.sends(),
        isTaken: () => watched.isTaken(),
        ended,
      } satisfies WatchedCall;
    },
  };
}

const OK = { code: 0, name: "OK", message: "" };
