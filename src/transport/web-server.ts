/** HTTP: Connect and gRPC-Web, /live, health and metrics, on Bun.serve. */
import {
  universalServerRequestFromFetch,
  universalServerResponseToFetch,
  type UniversalHandler,
} from "@connectrpc/connect/protocol";
import { createContextValues } from "@connectrpc/connect";
import type { Server } from "bun";
import { BUILD } from "../model/build-info.ts";
import { truncated, WatchpostError } from "../model/errors.ts";
import { HTTP_MESSAGE_BYTES_MAX } from "../model/limits.ts";
import type { AllowedOrigins } from "../model/origins.ts";
import type { ConnectionLimits, OpenConnection } from "../wire/allowance.ts";
import type { CallWatch } from "../wire/call-watch.ts";
import type { Admission, Caller, PageGate } from "../wire/gate.ts";
import { retryAfter } from "../wire/retry-after.ts";
import type { HttpRoute } from "../wire/http-route.ts";
import type { MethodImpl } from "../wire/service.ts";
import { scopeText } from "../model/access.ts";
import { formatAddress, parseAddress } from "../model/address.ts";
import { packedRequest } from "./answer-compression.ts";
import { CLOSE_UNREAD, connectErrorOf, ConnectRoutes, httpStatusOf, ON_ADMITTED, PEER } from "./connect-routes.ts";
import type { ConsoleFiles } from "./console-files.ts";
import type { TransportServer } from "./grpc-server.ts";
import type { TransportEvents } from "./open-calls.ts";
import { guarded } from "./guarded.ts";
import type { HealthState } from "./health.ts";
import { answerRoute } from "./http-routes.ts";
import { keptAlive, wantsKeepAlive } from "./kept-alive.ts";
import { liveResponse } from "./live-events.ts";
import { PagePlaces } from "./page-places.ts";
import type { ReceivedBytes } from "./received-bytes.ts";
import { countedBody, passOverUnread, type BodyArrival } from "./request-body.ts";
import { isOwnPage, tunnelData, tunnelHandler, UNREAD_TIMEOUT_S, type TunnelData } from "./tunnel.ts";
import { WebListener, type WebTlsOptions } from "./web-listener.ts";
import { TUNNEL_PATH } from "../wire/tunnel-frame.ts";
import { webGuard, type WebGuard } from "./web-guard.ts";
import { watched } from "./watched.ts";

export interface WebServerOptions extends TransportEvents {
  /** host:port; port 0 chooses a free one. */
  readonly address: string;
  readonly methods: readonly MethodImpl[];
  /** Plain calls of other systems. */
  readonly httpRoutes?: readonly HttpRoute[];
  readonly health: HealthState;
  /** Pages for browsers; undefined: there are none. */
  readonly console?: ConsoleFiles;
  readonly received: ReceivedBytes;
  /** Of pages that may read /live. */
  readonly origins: AllowedOrigins;
  /** Asked before a method or route runs. */
  readonly gate: PageGate;
  /** Left out: as many requests at once as come. */
  readonly connections?: ConnectionLimits;
  /** Looks on. */
  readonly watch?: CallWatch;
  /** Names that it is reached by, besides its own. */
  readonly hosts: readonly string[];
  /** Of this machine. */
  readonly hostname: string;
  /** Whether every call must prove who makes it. */
  asksWho(): boolean;
  /** Hears how many pages are connected, and how many of their calls are under way. */
  onPages?(pages: number, calls: number): void;
  /** Undefined: plain HTTP/1.1. */
  readonly tls?: WebTlsOptions | undefined;
  /** Prometheus text. */
  metricsText(): Promise<string>;
}

/** That a call comes over. */
interface Connection extends BodyArrival {
  /** Its stream was cut: where its client takes nothing of that within {@link UNREAD_TIMEOUT_S}, it is closed. */
  closeUnread(): void;
}

const [UNSUPPORTED_TYPE, UNSUPPORTED_VERSION] = [415, 505];
const IDLE_TIMEOUT_S = 30;
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export async function startWebServer(options: WebServerOptions): Promise<TransportServer> {
  const { host, port } = parseAddress(options.address);
  const stopping = new AbortController();
  const methods = guarded(watched(options.methods, options.watch), options.gate);
  const routes = new ConnectRoutes(methods, options.gate, options, stopping.signal);
  const guard = webGuard(options);
  const websocket = tunnelHandler({
    hello: async (principal) => {
      const { name, role, via, scope } = principal;
      const callable = options.gate.callableBy(principal);
      const who = { name, role, via, scope: scope.isEverything ? "" : scopeText(scope), callable };
      return { ...BUILD, scripts: (await options.console?.scripts()) ?? [], who };
    },
    answer: (request, peer, closeUnread) => tunnelled(request, peer, routes, options.received, closeUnread),
    onCount: (pages, calls) => options.onPages?.(pages, calls),
    stopping: stopping.signal,
    onDefect: (error) => options.onDefect?.(error, "tunnel"),
  });
  const serving: Serving = { methods, routes, guard, places: new PagePlaces(), stopping: stopping.signal };
  const listener = new WebListener(host, port, options.tls, (at) =>
    Bun.serve({
      ...at,
      idleTimeout: IDLE_TIMEOUT_S,
      maxRequestBodySize: HTTP_MESSAGE_BYTES_MAX + 1024,
      development: false,
      fetch: (request, server) => answer(request, server, serving, options),
      websocket,
      error: (error) => {
        options.onDefect?.(error, "http");
        return new Response("internal error; see the server's log\n", { status: 500 });
      },
    }),
  );
  let drained: Promise<void> | undefined;
  return {
    address: formatAddress(host, listener.port),
    drain: (graceMs) => (drained ??= drain(listener, stopping, graceMs)),
  };
}

async function drain(listener: WebListener, stopping: AbortController, graceMs: number): Promise<void> {
  stopping.abort(new WatchpostError("UNAVAILABLE", "the server is shutting down; connect again"));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
  await Promise.race([listener.stop(), late]);
  clearTimeout(timer);
  await listener.stop(true);
}

/** What is answered here, by its name in the table of who may call what. */
export const WEB_ROUTES = [
  "http.healthz",
  "http.readyz",
  "http.console",
  "http.tunnel",
  "http.front",
  "http.live",
  "http.metrics",
];

interface Serving {
  readonly methods: readonly MethodImpl[];
  readonly routes: ConnectRoutes;
  readonly guard: WebGuard;
  readonly places: PagePlaces;
  readonly stopping: AbortSignal;
}

/** Bun tells of a connection with its first request: it is counted while one is being answered, and has a few seconds before. */
async function answer(
  request: Request,
  server: Server<TunnelData>,
  serving: Serving,
  options: WebServerOptions,
): Promise<Response | undefined> {
  let connection: OpenConnection | undefined;
  try {
    connection = options.connections?.enter(server.requestIP(request)?.address ?? "");
    const response = await answerOne(request, server, serving, options);
    if (response !== undefined) await passOverUnread(request);
    return response;
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    return refused(error);
  } finally {
    connection?.leave();
  }
}

async function answerOne(
  request: Request,
  server: Server<TunnelData>,
  { methods, routes, guard, places, stopping }: Serving,
  options: WebServerOptions,
): Promise<Response | undefined> {
  const url = URL.parse(request.url);
  if (url === null) return hostless(request);
  const { pathname } = url;
  const refusal = guard(request, pathname);
  if (refusal !== undefined) return new Response(`${refusal}\n`, { status: 403 });
  const peer = server.requestIP(request)?.address ?? "";
  const handler = routes.get(pathname);
  if (handler !== undefined) {
    const answering = callResponse(handler, request, peer, arrivalOf(request, server), options.received);
    return wantsKeepAlive(handler, request) ? keptAlive(answering) : answering;
  }
  const { httpRoutes = [] } = options;
  const ofPath = httpRoutes.filter(({ path }) => path === pathname);
  const route = ofPath.find(({ methods }) => methods.includes(request.method));
  if (route !== undefined) {
    return answerRoute(route, request, { ...options, peer, arrival: arrivalOf(request, server) });
  }
  if (ofPath.length > 0) return wrongMethod(pathname, ofPath);
  if (request.method !== "GET" && request.method !== "HEAD") return notFound(pathname);
  const caller: Caller = { headers: new Map(request.headers), peer };
  switch (pathname) {
    case TUNNEL_PATH:
      return admitted("http.tunnel", caller, options, (admission) =>
        tunnelOpened(request, peer, admission, server, places),
      );
    case "/live":
      server.timeout(request, 0);
      return admitted("http.live", caller, options, () =>
        liveResponse(request, peer, methods, options.origins, stopping, () =>
          server.timeout(request, UNREAD_TIMEOUT_S),
        ),
      );
    case "/healthz":
      // Bun sends no date. Pages without a WebSocket read the time off it.
      return new Response("ok\n", { headers: { date: new Date().toUTCString() } });
    case "/readyz": {
      const { reason } = options.health;
      return reason === undefined ? new Response("ready\n") : new Response(`not ready: ${reason}\n`, { status: 503 });
    }
    case "/metrics":
      return admitted(
        "http.metrics",
        caller,
        options,
        async () => new Response(await options.metricsText(), { headers: { "content-type": METRICS_TYPE } }),
      );
    case "/":
      if (options.console === undefined || !wantsPage(request)) {
        return admitted("http.front", caller, options, () => new Response(frontPage(routes, httpRoutes)));
      }
  }
  const file = await options.console?.file(pathname, request);
  if (file !== undefined) return file;
  return (wantsPage(request) && (await options.console?.page(request))) || notFound(pathname);
}

/** As `run` answers, or a sentence that says why not. */
async function admitted<T extends Response | undefined>(
  name: string,
  caller: Caller,
  { gate }: WebServerOptions,
  run: (admission: Admission) => T | Promise<T>,
): Promise<T | Response> {
  let admission: Admission;
  try {
    admission = await gate.admit(name, caller);
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    return refused(error);
  }
  return run(admission);
}

function refused(error: WatchpostError): Response {
  const status = httpStatusOf(error);
  // Browsers would ask for a password in a window of their own.
  const headers = { ...retryAfter(error), ...(status === 401 ? { "www-authenticate": "Bearer" } : {}) };
  return new Response(`${error.message}\n`, { status, headers });
}

/** Browsers ask for pages like that; curl and programs do not. */
function wantsPage(request: Request): boolean {
  return request.headers.get("accept")?.includes("text/html") === true;
}

function tunnelOpened(
  request: Request,
  peer: string,
  admission: Admission,
  server: Server<TunnelData>,
  places: PagePlaces,
): Response | undefined {
  if (!isOwnPage(request)) return new Response("only pages of this server may open it\n", { status: 403 });
  const data = tunnelData(request, peer, admission, places);
  if (server.upgrade(request, { data })) return undefined;
  data.leave();
  return new Response(`${TUNNEL_PATH} is a WebSocket of the console\n`, {
    status: 426,
    headers: { upgrade: "websocket" },
  });
}

/** A call that came over a tunnel: it has no connection of its own that could be idle. */
async function tunnelled(
  request: Request,
  peer: string,
  routes: ConnectRoutes,
  received: ReceivedBytes,
  closeUnread: () => void,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const handler = routes.get(pathname);
  const connection = { onProgress() {}, onWhole() {}, closeUnread };
  return handler === undefined ? notFound(pathname) : callResponse(handler, request, peer, connection, received);
}

/** By itself Bun takes a connection for idle where less than 16 kB of a body arrive a second, which is more than some sites have. */
function arrivalOf(request: Request, server: Pick<Server<TunnelData>, "timeout">): Connection {
  return {
    onProgress: () => server.timeout(request, IDLE_TIMEOUT_S),
    onWhole: () => server.timeout(request, 0),
    closeUnread: () => server.timeout(request, UNREAD_TIMEOUT_S),
  };
}

async function callResponse(
  handler: UniversalHandler,
  request: Request,
  peer: string,
  connection: Connection,
  received: ReceivedBytes,
): Promise<Response> {
  const packed = packedRequest(request.headers);
  if (packed !== undefined)
    return Response.json({ code: "unimplemented", message: packed }, { status: UNSUPPORTED_TYPE });
  const universal = universalServerRequestFromFetch(request, { httpVersion: "1.1" });
  // The body must go on arriving. After it streams are quiet at times.
  const body = countedBody(universal.body as AsyncIterable<Uint8Array>, received, connection);
  let release = () => {};
  // What it is taken for may be withdrawn while it arrives.
  const onAdmitted = (admission: Admission) => (release = admission.hold((why) => body.refuse(connectErrorOf(why))));
  const contextValues = createContextValues()
    .set(CLOSE_UNREAD, connection.closeUnread)
    .set(PEER, peer)
    .set(ON_ADMITTED, onAdmitted);
  try {
    const response = await handler({ ...universal, body: body.chunks, contextValues });
    const answer = refusedUnread(handler, request, response.status) ?? universalServerResponseToFetch(response);
    // nginx would keep a stream until there is enough of it.
    if (handler.method.methodKind !== "unary") answer.headers.set("x-accel-buffering", "no");
    return answer;
  } finally {
    release();
    body.close();
  }
}

/** Connect refuses what it cannot read with a bare status: what was wanted is said here, as its clients read errors. */
function refusedUnread(
  { method, requestPath }: UniversalHandler,
  request: Request,
  status: number,
): Response | undefined {
  if (status !== UNSUPPORTED_TYPE && status !== UNSUPPORTED_VERSION) return undefined;
  const given = request.headers.get("content-type") ?? "none";
  const wanted =
    method.methodKind === "unary"
      ? "application/json or application/proto"
      : method.methodKind === "bidi_streaming"
        ? "gRPC, for it streams both ways; UploadBatch takes one batch as plain JSON"
        : "gRPC, gRPC-Web or application/connect+json, for it streams; GET /live, QueryRange and UploadBatch take plain requests";
  const message = `${requestPath} was called with content type ${given}; wanted ${wanted}`;
  return Response.json({ code: "unimplemented", message }, { status });
}

/** Without a host that can be one, as in HTTP/1.0 where it may be missing, Bun gives the path alone. */
function hostless(request: Request): Response {
  const host = request.headers.get("host");
  const given = host === null ? "missing" : JSON.stringify(truncated(host, 80));
  return new Response(`the Host header is ${given}; wanted a host such as 127.0.0.1:8080\n`, { status: 400 });
}

function notFound(pathname: string): Response {
  return new Response(`there is nothing at ${pathname}; GET / says what is here\n`, { status: 404 });
}

function wrongMethod(pathname: string, routes: readonly HttpRoute[]): Response {
  const allow = routes.flatMap(({ methods }) => methods).join(", ");
  return new Response(`${pathname} takes ${allow}\n`, { status: 405, headers: { allow } });
}

function frontPage(routes: ConnectRoutes, plain: readonly HttpRoute[]): string {
  const others = plain.map(({ methods, path, summary }) => `  ${methods[0].padEnd(4)} ${path.padEnd(18)} ${summary}`);
  const calls = routes.paths.map((path) => `  POST ${path}`).join("\n");
  return `Watchpost ${BUILD.version} (${BUILD.commit})

  GET  /live?metric=*     live values as Server-Sent Events
  GET  /healthz, /readyz  health
  GET  /metrics           Prometheus metrics

Of other systems
${others.join("\n")}

Connect and gRPC-Web; unary calls take plain JSON: curl --json '{…}'
${calls}
`;
}
