/** Plain HTTP routes of other systems: their bodies are counted, bounded and unpacked here. */
import { WatchpostError } from "../model/errors.ts";
import type { HttpCall, HttpRoute } from "../wire/http-route.ts";
import type { CallWatch, WatchedCall } from "../wire/call-watch.ts";
import type { Gate } from "../wire/gate.ts";
import { ANONYMOUS } from "../wire/service.ts";
import type { TransportEvents } from "./open-calls.ts";
import type { ReceivedBytes } from "./received-bytes.ts";
import { countedBody, type BodyArrival } from "./request-body.ts";
import { unpackedBody } from "./unpacked-body.ts";

export interface HttpRouteDeps extends TransportEvents {
  readonly received: ReceivedBytes;
  readonly arrival: BodyArrival;
  readonly gate: Gate;
  /** Looks on. */
  readonly watch?: CallWatch;
  /** Address of the client. */
  readonly peer: string;
}

export async function answerRoute(route: HttpRoute, request: Request, deps: HttpRouteDeps): Promise<Response> {
  const { received, arrival, gate, watch, peer } = deps;
  const chunks = (request.body ?? new Blob([]).stream()) as unknown as AsyncIterable<Uint8Array>;
  const body = countedBody(chunks, received, arrival, (error) => error);
  const call: HttpCall = {
    url: new URL(request.url),
    method: request.method,
    signal: request.signal,
    principal: ANONYMOUS,
    headers: new Map(request.headers),
    peer,
    body: () => unpackedBody(body, request.headers.get("content-encoding") ?? "identity"),
  };
  let watched: WatchedCall | undefined;
  try {
    const { principal, allowance } = await gate.admit(route.name, call);
    const admitted = { ...call, principal, ...(allowance && { allowance }) };
    watched = watch?.began({ name: route.name, kind: "unary", isRead: false, context: admitted });
    const response = await route.run(admitted);
    watched?.ended();
    deps.onCall?.(route.name, "OK");
    return response;
  } catch (error) {
    watched?.ended(error);
    const isDefect = !(error instanceof WatchpostError);
    deps.onCall?.(route.name, isDefect ? "INTERNAL" : error.status);
    if (isDefect) deps.onDefect?.(error, route.name);
    return route.fail(error, call);
  } finally {
    body.close();
  }
}
