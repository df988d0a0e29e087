/** One message handed to one SMTP server. The library is loaded when the first mail is sent. */
import type { Clock } from "../../model/clock.ts";
import { WatchpostError } from "../../model/errors.ts";
import { connectionFailure } from "./connection-failure.ts";
import { refused, stopped, tryAgain } from "./delivery-error.ts";
import { quotable } from "./scrub.ts";
import type { TlsOptions } from "./tls-files.ts";

/** TLS after STARTTLS, from the first byte on, or none. */
export type SmtpSecurity = "starttls" | "tls" | "none";

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  readonly security: SmtpSecurity;
  readonly user: string;
  /** "": no login. */
  readonly password: string;
  readonly tls: TlsOptions;
}

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

export interface Rejection {
  readonly recipient: string;
  /** The server's words, without secrets. */
  readonly answer: string;
  /** The same again would be rejected again. */
  readonly isPermanent: boolean;
}

export interface Handover {
  readonly accepted: readonly string[];
  readonly rejected: readonly Rejection[];
}

/** What the library's errors have of use to us. */
interface SmtpError {
  readonly code?: string | undefined;
  readonly response?: string | undefined;
  readonly responseCode?: number | undefined;
  readonly permanent?: boolean | undefined;
  readonly recipient?: string | undefined;
  readonly rejectedErrors?: readonly SmtpError[] | undefined;
}

/** A connection that we end ourselves: deliveries have the one clock. */
const LIBRARY_TIMEOUT_MS = 24 * 3_600_000;
/** How long a server may take to say good-bye. */
const GOODBYE_MS = 1_000;
const RESPONSE_BYTES_MAX = 64 * 1024;

/**
 * Resolves when the server has taken the message for at least one recipient, or has rejected each. Throws as `send` of a
 * receiver does. The signal closes the connection.
 */
export async function handOver(
  server: SmtpServer,
  envelope: Envelope,
  message: Buffer,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Handover> {
  const where = `smtp server ${server.host}:${server.port}`;
  const { default: SmtpConnection } = await import("nodemailer/lib/smtp-connection");
  if (signal.aborted) throw stopped();
  const connection = new SmtpConnection(optionsOf(server));
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => {});
  const onAbort = () => reject(stopped());
  signal.addEventListener("abort", onAbort, { once: true });
  connection.on("error", reject);
  try {
    await Promise.race([called((done) => connection.connect(done)), broken]);
    if (server.password !== "") {
      const login = { user: server.user, pass: server.password };
      await Promise.race([called((done) => connection.login(login, done)), broken]);
    }
    const to = [...envelope.to];
    const sent = await Promise.race([
      called<{ accepted: string[]; rejectedErrors?: SmtpError[] | undefined }>((done) =>
        connection.send({ from: envelope.from, to }, message, done),
      ),
      broken,
    ]);
    quit(connection, clock);
    return { accepted: sent.accepted, rejected: rejectionsOf(sent.rejectedErrors, server) };
  } catch (error) {
    connection.close();
    if (error instanceof WatchpostError) throw error;
    const { rejectedErrors } = (error ?? {}) as SmtpError;
    if (rejectedErrors !== undefined) return { accepted: [], rejected: rejectionsOf(rejectedErrors, server) };
    throw smtpFailure(error as SmtpError, where, server);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** It is delivered; nobody waits for the rest. */
function quit(
  connection: { quit(): void; close(): void; once(event: "end", run: () => void): void },
  clock: Clock,
): void {
  const cancelTimer = clock.after(GOODBYE_MS, () => connection.close());
  connection.once("end", cancelTimer);
  connection.quit();
}

function optionsOf({ host, port, security, tls }: SmtpServer) {
  return {
    host,
    port,
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    tls: { ...tls },
    allowInternalNetworkInterfaces: true,
    connectionTimeout: LIBRARY_TIMEOUT_MS,
    greetingTimeout: LIBRARY_TIMEOUT_MS,
    socketTimeout: LIBRARY_TIMEOUT_MS,
    socketCloseTimeout: 0,
    maxResponseSize: RESPONSE_BYTES_MAX,
  };
}

/** What is given to a callback, as a promise. */
function called<T>(start: (done: (error?: Error | null, result?: T) => void) => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  start((error, result) => (error ? reject(error) : resolve(result as T)));
  return promise;
}

function rejectionsOf(errors: readonly SmtpError[] | undefined, server: SmtpServer): Rejection[] {
  return (errors ?? []).map(({ recipient = "", response = "", permanent = false }) => ({
    recipient,
    answer: quotable(response, secretsOf(server)),
    isPermanent: permanent,
  }));
}

function smtpFailure(error: SmtpError, where: string, server: SmtpServer): WatchpostError {
  const { response, responseCode, permanent, code } = error;
  if (typeof response !== "string" || responseCode === undefined) {
    if (code === "EPROTOCOL") return tryAgain(`${where} answers what is not SMTP`);
    return connectionFailure(error, where);
  }
  const message = `${where} answered ${quotable(response, secretsOf(server))}`;
  if (code === "ETLS") return refused(`${where} has no TLS (STARTTLS): it answered ${responseCode}`);
  return permanent === true ? refused(message) : tryAgain(message);
}

function secretsOf({ user, password }: SmtpServer): string[] {
  return [password, `\u0000${user}\u0000${password}`].filter((secret) => secret !== "" && password !== "");
}
