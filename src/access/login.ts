/**
 * POST /login and /logout: a browser shows a token once, and has a cookie from then on that no script can read. What became of that a page
 * is told by GET /login.
 */
import { WatchpostError } from "../model/errors.ts";
import { retryAfter } from "../wire/retry-after.ts";
import { toStatus } from "../wire/status.ts";
import type { HttpCall, HttpRoute } from "../wire/http-route.ts";
import { isRefusal, webSessionCookie, webSessionOf } from "./credential.ts";
import type { AccessGate } from "./gate.ts";
import type { Deeds } from "./deeds.ts";
import type { Tokens } from "./tokens.ts";

const BODY_BYTES_MAX = 4_096;
/** Past the end of its session, so that whoever comes back with it is told that it has run out. */
const COOKIE_STAYS_MS = 30 * 24 * 3_600_000;
const HTTP_STATUS: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  INVALID_ARGUMENT: 400,
  RESOURCE_EXHAUSTED: 429,
};

export interface LoginDeps {
  readonly gate: Pick<AccessGate, "tokenToLogIn" | "verdictOf">;
  readonly tokens: Tokens;
  readonly deeds: Deeds;
  nowMs(): number;
}

export function loginRoutes(deps: LoginDeps): HttpRoute[] {
  const { tokens } = deps;
  return [
    {
      name: "http.login",
      methods: ["POST"],
      path: "/login",
      summary: 'a session of a browser, for {"token": "wp_…"}',
      run: (call) => login(call, deps),
      fail,
    },
    {
      name: "http.logout",
      methods: ["POST"],
      path: "/logout",
      summary: "ends it",
      async run(call) {
        await tokens.closeWebSession(webSessionOf(call, isTls(call)) ?? "");
        return new Response(null, { status: 204, headers: { "set-cookie": cookieOf("", 0, call) } });
      },
      fail,
    },
    {
      name: "http.login",
      methods: ["GET"],
      path: "/login",
      summary: "as whom the browser's calls are taken, or why as nobody's",
      run: (call) => present(call, deps),
      fail,
    },
  ];
}

async function present(call: HttpCall, { gate }: LoginDeps): Promise<Response> {
  const verdict = await gate.verdictOf(call);
  const { name, role } = isRefusal(verdict) ? { name: "", role: "" } : verdict.principal;
  const { reason, message } = isRefusal(verdict) ? verdict : { reason: "", message: "" };
  return Response.json({ name, role, reason, message }, { headers: { "cache-control": "no-store" } });
}

async function login(call: HttpCall, { gate, tokens, deeds, nowMs }: LoginDeps): Promise<Response> {
  const secret = secretIn(await call.body());
  const token = gate.tokenToLogIn(secret, call.peer);
  const { name, role, scope, expiresAtMs } = token;
  if (role === "ingest") {
    const message = `${name} has the role ingest, which reads nothing; wanted a token of a viewer, operator or admin`;
    throw new WatchpostError("PERMISSION_DENIED", message);
  }
  const opened = await tokens.openWebSession(token);
  const principal = { name, role, scope, expiresAtMs, isAuthenticated: true, via: "session" };
  await deeds.write("http.login", "", { ...call, principal });
  const seconds = Math.floor((opened.session.expiresAtMs + COOKIE_STAYS_MS - nowMs()) / 1_000);
  const headers = { "set-cookie": cookieOf(opened.secret, seconds, call), "cache-control": "no-store" };
  return Response.json({ name, role }, { headers });
}

function secretIn(body: Uint8Array): string {
  const wanted = 'wanted {"token": "wp_…"}';
  if (body.byteLength > BODY_BYTES_MAX) {
    throw new WatchpostError("INVALID_ARGUMENT", `the body has ${body.byteLength} bytes; ${wanted}`);
  }
  try {
    const { token } = JSON.parse(new TextDecoder().decode(body)) as { readonly token?: unknown };
    if (typeof token === "string") return token.trim();
  } catch {
    // Said below: what it holds instead may be a secret.
  }
  throw new WatchpostError("INVALID_ARGUMENT", `the body cannot be read; ${wanted}`);
}

function cookieOf(value: string, seconds: number, call: HttpCall): string {
  // Where a proxy speaks TLS the page says so.
  const isSecure = isTls(call) || call.headers.get("origin")?.startsWith("https:") === true;
  const secure = isSecure ? "; Secure" : "";
  return `${webSessionCookie(call, isSecure)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
}

function isTls({ url }: HttpCall): boolean {
  return url.protocol === "https:";
}

function fail(error: unknown): Response {
  const { name, message } = toStatus(error);
  const headers = retryAfter(error);
  return Response.json({ code: name.toLowerCase(), message }, { status: HTTP_STATUS[name] ?? 500, headers });
}
