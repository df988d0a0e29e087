/**
 * Bun.serve, over TLS with a certificate that may change. Bun cannot give a server another one, so there is another server at
 * the same port: new connections are its own, and the one before goes on with those it has until they end.
 */
import type { Server, TLSOptions } from "bun";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { formatAddress } from "../model/address.ts";
import type { TlsOptions } from "./grpc-credentials.ts";
import type { ServerCertificate } from "./server-certificate.ts";
import type { TunnelData } from "./tunnel.ts";

export interface WebTlsOptions extends TlsOptions {
  /** HTTP/2 for clients that ask for it. */
  readonly hasHttp2: boolean;
}

/** What of Bun.serve's options follows from where and how it listens. */
export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  readonly reusePort: boolean;
  readonly http2: boolean;
  readonly tls?: TLSOptions;
}

const TURNS_TO_ACCEPT = 5;

type Serve = (options: ListenOptions) => Server<TunnelData>;

export class WebListener {
  readonly port: number;
  readonly #hostname: string;
  readonly #serve: Serve;
  readonly #tls: WebTlsOptions | undefined;
  /** All but the last are left by their connections. */
  readonly #servers: Server<TunnelData>[] = [];
  readonly #stopFollowing: (() => void) | undefined;

  /** Listens. Throws UNAVAILABLE with the address. */
  constructor(hostname: string, port: number, tls: WebTlsOptions | undefined, serve: Serve) {
    this.#hostname = hostname;
    this.#tls = tls;
    this.#serve = serve;
    try {
      // Not shared: a second program would get half of the connections without a word.
      const first = this.#listen(port, false);
      this.port = first.port ?? port;
      if (tls === undefined) this.#servers.push(first);
      else {
        void first.stop(true);
        this.#servers.push(this.#listen(this.port, true));
        this.#stopFollowing = tls.source.onChanged(() => this.#replace());
      }
    } catch (error) {
      const message = `HTTP cannot listen on ${formatAddress(hostname, port)}: ${messageOf(error)}`;
      throw new WatchpostError("UNAVAILABLE", message, { cause: error });
    }
  }

  /** No new connections. Resolves once those there are have ended, or at once with `isNow`, which closes them. */
  async stop(isNow = false): Promise<void> {
    this.#stopFollowing?.();
    await Promise.all(this.#servers.map((server) => server.stop(isNow)));
  }

  #listen(port: number, reusePort: boolean): Server<TunnelData> {
    const tls = this.#tls;
    const at = { hostname: this.#hostname, port, reusePort, http2: tls?.hasHttp2 === true };
    return this.#serve(tls === undefined ? at : { ...at, tls: bunTls(tls, tls.source.current) });
  }

  /** Resolves once new connections are of the new server alone. */
  async #replace(): Promise<void> {
    const before = this.#servers.at(-1)!;
    this.#servers.push(this.#listen(this.port, true));
    // Who has connected by then is accepted; whom the system still keeps in the queue of what stops listening it resets.
    for (let turn = 0; turn < TURNS_TO_ACCEPT; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
    const forget = () => void this.#servers.splice(this.#servers.indexOf(before), 1);
    before.stop().then(forget, forget);
  }
}

function bunTls({ isClientCertificateRequired: isRequired }: TlsOptions, certificate: ServerCertificate): TLSOptions {
  const { cert, key, clientCa } = certificate;
  // Bun does not tell who a client's certificate is of: one that is not required is not asked for.
  const ofClients = { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, ...(isRequired && clientCa !== undefined ? ofClients : {}) };
}
