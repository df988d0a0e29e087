/** Plain HTTP routes of other systems: their bodies are counted, bounded and unpacked here. */
import { WatchpostError } from "../model/errors.ts";
import type { HttpCall, HttpRoute } from "../wire/http-route.ts";
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
  /** Address of the client. */
  readonly peer: string;
}

export async function answerRoute(route: HttpRoute, request: Request, deps: HttpRouteDeps): Promise<Response> {
  const { received, arrival, gate, peer } = deps;
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
  try {
    const { principal, allowance } = await gate.admit(route.name, call);
    const response = await route.run({ ...call, principal, ...(allowance && { allowance }) });
    deps.onCall?.(route.name, "OK");
    return response;
  } catch (error) {
    const isDefect = !(error instanceof WatchpostError);
    deps.onCall?.(route.name, isDefect ? "INTERNAL" : error.status);
    if (isDefect) deps.onDefect?.(error, route.name);
    return route.fail(error, call);
  } finally {
    body.close();
  }
}
