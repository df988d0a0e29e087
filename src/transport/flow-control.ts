/**
 * How far a client may send ahead of the server. By default 64 KiB for a stream and for its connection: less than arrives
 * between two turns of the event loop, so that every read is followed by an update and a wait for the sender. What a
 * stream has sent and nobody has read is bounded by its window too.
 *
 * grpc-js has a setting for this in its clients only; its server's options and sessions are reached into.
 */
import type { Server } from "@grpc/grpc-js";
import type { Http2Session, ServerHttp2Stream } from "node:http2";

const STREAM_WINDOW_BYTES = 512 * 1024;
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** For every stream. Before the server is bound. */
export function widenStreams(server: Server): void {
  const { commonServerOptions } = server as unknown as { commonServerOptions: { settings?: object } };
  commonServerOptions.settings = { ...commonServerOptions.settings, initialWindowSize: STREAM_WINDOW_BYTES };
}

const widened = new WeakSet<Http2Session>();

/** For the connection of a stream, once. */
export function widenConnection({ session }: ServerHttp2Stream): void {
  if (session === undefined || widened.has(session)) return;
  widened.add(session);
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
}
