/**
 * Many calls of a page over one WebSocket, since a browser opens no more than six connections to a server that speaks
 * HTTP/1.1, for all its tabs together. A frame is a kind (1 byte), the number of its call (4 bytes, big-endian), and what it brings.
 */

import { METADATA_BYTES_MAX } from "../model/limits.ts";

export const TUNNEL_PATH = "/tunnel";
/** From pages; calls that are longer go as requests of their own. */
export const FRAME_BYTES_MAX = 256 * 1024;

export const FrameKind = {
  /** Page: a call begins; its head (4 bytes of length, JSON), then its body. */
  CALL: 1,
  /** Page: its answer is not wanted any more. */
  CANCEL: 2,
  /** Server: the head of the answer, as JSON. */
  HEAD: 3,
  CHUNK: 4,
  /** Server: the answer is over. */
  END: 5,
  /** Server: it broke off; why, as text. */
  FAIL: 6,
  /** Page: is anybody there; server: yes, under the same number, and what time it is there (8 bytes, milliseconds). */
  PING: 7,
  /** Server, once: who it is, as JSON. */
  HELLO: 8,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface CallHead {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TunnelCall {
  readonly head: CallHead;
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ServerHello {
  readonly version: string;
  readonly commit: string;
  /** Names of the scripts of its page: a page that has others is of another version. */
  readonly scripts: readonly string[];
  readonly who?: PagePrincipal;
}

/** As whom a server takes the calls of a page. */
export interface PagePrincipal {
  readonly name: string;
  readonly role: string;
  /** How that is proven: "session", "token", "jwt", "certificate"; "": nobody is asked. */
  readonly via: string;
  /** What they see, in words; "": everything. */
  readonly scope: string;
  /** What they may call: "analytics.Alerts/PutRule". */
  readonly callable: readonly string[];
}

export interface TunnelFrame {
  readonly kind: number;
  readonly call: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

const FRAME_HEAD_BYTES = 5;
const LENGTH_BYTES = 4;
const TIME_BYTES = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function frameOf(
  kind: FrameKind,
  call: number,
  payload: Uint8Array = new Uint8Array(),
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + payload.byteLength);
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(1, call);
  frame.set(payload, FRAME_HEAD_BYTES);
  return frame;
}

export function jsonFrame(kind: FrameKind, call: number, value: unknown): Uint8Array<ArrayBuffer> {
  return frameOf(kind, call, encoder.encode(JSON.stringify(value)));
}

/** Undefined where it is none. */
export function readFrame(bytes: Uint8Array<ArrayBuffer>): TunnelFrame | undefined {
  if (bytes.byteLength < FRAME_HEAD_BYTES) return undefined;
  const call = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  return { kind: bytes[0], call, payload: bytes.subarray(FRAME_HEAD_BYTES) };
}

export function callFrame(call: number, head: CallHead, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = encoder.encode(JSON.stringify(head));
  const payload = new Uint8Array(LENGTH_BYTES + json.byteLength + body.byteLength);
  new DataView(payload.buffer).setUint32(0, json.byteLength);
  payload.set(json, LENGTH_BYTES);
  payload.set(body, LENGTH_BYTES + json.byteLength);
  return frameOf(FrameKind.CALL, call, payload);
}

/** Undefined where it cannot be read. */
export function readCall(payload: Uint8Array<ArrayBuffer>): TunnelCall | undefined {
  if (payload.byteLength < LENGTH_BYTES) return undefined;
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  if (length > METADATA_BYTES_MAX || LENGTH_BYTES + length > payload.byteLength) return undefined;
  const head = readJson(payload.subarray(LENGTH_BYTES, LENGTH_BYTES + length)) as CallHead | undefined;
  if (typeof head?.path !== "string" || typeof head.headers !== "object" || head.headers === null) return undefined;
  if (!Object.values(head.headers).every((value) => typeof value === "string")) return undefined;
  return { head, body: payload.subarray(LENGTH_BYTES + length) };
}

/** The answer to a ping. */
export function timeFrame(call: number, timeMs: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(TIME_BYTES);
  new DataView(payload.buffer).setFloat64(0, timeMs);
  return frameOf(FrameKind.PING, call, payload);
}

/** Milliseconds; undefined where there is none. */
export function readTime({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): number | undefined {
  return byteLength === TIME_BYTES ? new DataView(buffer, byteOffset).getFloat64(0) : undefined;
}

/** Undefined where it is none. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}
