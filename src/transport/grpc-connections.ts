/**
 * Connections over which gRPC comes, counted from their beginning, before anything was sent. grpc-js keeps its HTTP/2 servers to itself:
 * they are reached when it makes them. Floods of pings, settings and resets Bun ends by itself, after about a thousand.
 */
import type { Server } from "@grpc/grpc-js";
import { constants, type Http2Server, type ServerHttp2Session } from "node:http2";
import { WatchpostError } from "../model/errors.ts";
import type { ConnectionLimits } from "../wire/allowance.ts";

const SAID_BYTES_MAX = 256;
/** To read why it is closed. */
const CLOSE_AFTER_MS = 1_000;
/** That are still told; past it they are closed at once. */
const CLOSING_MAX = 100;

export class GrpcConnections {
  readonly #limits: ConnectionLimits | undefined;
  readonly #open = new Set<ServerHttp2Session>();
  #closing = 0;

  /** Those of a server that is not bound yet. Without `limits` as many as come. */
  constructor(server: Server, limits: ConnectionLimits | undefined) {
    this.#limits = limits;
    const inside = server as unknown as { createHttp2Server(credentials: unknown): Http2Server };
    const make = inside.createHttp2Server.bind(server);
    inside.createHttp2Server = (credentials) => {
      const http2 = make(credentials);
      http2.prependListener("session", (session: ServerHttp2Session) => this.#enter(session));
      return http2;
    };
  }

  /** Those that grpc-js leaves open when it is to close them, since a call on them goes on. */
  destroyAll(): void {
    for (const session of this.#open) session.destroy();
  }

  #enter(session: ServerHttp2Session): void {
    this.#open.add(session);
    session.once("close", () => this.#open.delete(session));
    try {
      const connection = this.#limits?.enter(session.socket.remoteAddress ?? "");
      if (connection === undefined) return;
      session.once("close", () => connection.leave());
      const onPing = () => {
        const refusal = connection.ping();
        if (refusal === undefined) return;
        session.off("ping", onPing);
        this.#refuse(session, refusal);
      };
      session.on("ping", onPing);
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      this.#refuse(session, error);
    }
  }

  #refuse(session: ServerHttp2Session, { message }: WatchpostError): void {
    if (session.destroyed) return;
    // Not at once: grpc-js has yet to hear of it.
    if (this.#closing >= CLOSING_MAX) return void setImmediate(() => session.destroy());
    this.#closing++;
    session.once("close", () => this.#closing--);
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from(message.slice(0, SAID_BYTES_MAX)));
    setTimeout(() => session.destroy(), CLOSE_AFTER_MS).unref();
  }
}
