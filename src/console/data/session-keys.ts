/** Keys of encrypted sessions that this page was given, and what each session can be read and written with. */
import { Code, ConnectError } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import { create } from "@bufbuild/protobuf";
import { CollaborationMessageSchema, SessionState, type Session } from "../../wire/gen/collaboration_pb.ts";
import { isSealedType } from "../../wire/message-cipher.ts";
import type { SessionKeys } from "../../wire/session-keys.ts";
import { collaborationApi } from "../api.ts";
import { errorText } from "../errors.ts";
import { readKept, removeKept, writeKept } from "../kept.ts";
import { route } from "../route.ts";
import type { SessionCipher } from "./session-cipher.ts";

/** By session, as far as it is known. */
const ciphers = signal<ReadonlyMap<string, SessionCipher>>(new Map());
/** As they were given: links or keys. */
const given = new Map<string, string>();
const made = new Set<string>();
const ID_BYTES = 8;

/** Undefined: it is not known yet how it stands. */
export function cipherOf(sessionId: string): SessionCipher | undefined {
  return ciphers.value.get(sessionId);
}

/** Once it is known how the session stands, by what it is read and written. Never throws. */
export async function learn(session: Session): Promise<SessionCipher> {
  const { id, encryption } = session;
  const key = keyFor(id);
  const before = ciphers.peek().get(id);
  if (key === undefined) {
    // What was encrypted a moment ago is not written to in plain words, whatever the server says now.
    const isPlain = encryption === undefined && (before === undefined || before.kind === "plain");
    return set(id, isPlain ? { kind: "plain" } : { kind: "locked", why: "" });
  }
  // What has heard of a newer key does not forget it.
  if (before?.kind === "open" && key.endsWith(before.keys.text) && before.keys.epoch >= (encryption?.epoch ?? 0))
    return before;
  let cipher: SessionCipher;
  try {
    cipher = { kind: "open", keys: await keysOf(session, key) };
  } catch (error) {
    cipher = { kind: "locked", why: errorText(error) };
  }
  // Whoever changes the key hears of that before it is known here, or after: the one before is not to take its place.
  return keyFor(id) === key ? set(id, cipher) : learn(session);
}

/** The same of one that is perhaps not known yet. Throws where the server cannot be asked. */
export async function cipherFor(sessionId: string, signal: AbortSignal): Promise<SessionCipher> {
  const known = ciphers.peek().get(sessionId);
  if (known !== undefined) return known;
  try {
    const { session } = await collaborationApi.getSession({ sessionId }, { signal });
    return await learn(session!);
  } catch (error) {
    // It is made by what is sent.
    if (ConnectError.from(error).code === Code.NotFound && !given.has(sessionId)) return { kind: "plain" };
    throw error;
  }
}

/** `text`: a link or a key. Throws what is wrong with it, and nothing has changed then. */
export async function giveKey(session: Session, text: string): Promise<void> {
  const keys = await keysOf(session, text);
  given.set(session.id, keys.text);
  set(session.id, { kind: "open", keys });
  if (isKeyKept(session.id)) keepKey(session.id);
}

/** What a session is made with that is to be encrypted, under an id that nobody has. Throws where the browser cannot. */
export async function newEncryption(): Promise<{ sessionId: string; keyCheck: Uint8Array }> {
  const sessionId = [...crypto.getRandomValues(new Uint8Array(ID_BYTES))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  const { keyCheckOf, newSessionKey, sessionKeyText } = await import("../../wire/sealed-message.ts");
  const key = newSessionKey(1);
  const keyCheck = await keyCheckOf(key, sessionId);
  given.set(sessionId, sessionKeyText(key));
  made.add(sessionId);
  return { sessionId, keyCheck };
}

/** Says once whether it was made here: its link is to be handed on. */
export function isJustMade(sessionId: string): boolean {
  return made.delete(sessionId);
}

/** The address of the session with its key; "": there is none. */
export function linkOf(sessionId: string): string {
  const cipher = cipherOf(sessionId);
  if (cipher?.kind !== "open") return "";
  return `${location.origin}/sessions/${encodeURIComponent(sessionId)}#key=${cipher.keys.text}`;
}

/** In the browser's storage, until it is forgotten. */
export function keepKey(sessionId: string): void {
  const cipher = ciphers.peek().get(sessionId);
  if (cipher?.kind === "open") writeKept(nameOf(sessionId), cipher.keys.text);
}

/** In the browser's storage; the page has it on. */
export function forgetKey(sessionId: string): void {
  removeKept(nameOf(sessionId));
}

export function isKeyKept(sessionId: string): boolean {
  return readKept(nameOf(sessionId)) !== null;
}

/** Takes a key out of the address, where it would be seen, kept in the history and copied. */
export function takeKeyFromAddress(): void {
  const { hash } = location;
  const [id = ""] = route.peek().rest;
  if (route.peek().view !== "sessions" || id === "" || !hash.startsWith("#key=")) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  given.set(id, hash);
  if (!ciphers.peek().has(id)) return;
  // Who has the session open already is told anew.
  const others = new Map(ciphers.peek());
  others.delete(id);
  ciphers.value = others;
}

/** What is said, as it may be sent. Throws where it may not. */
export async function sealed(
  sessionId: string,
  sender: string,
  message: { readonly messageType: string; readonly message: string; readonly metadata: Record<string, string> },
  cipher: SessionCipher,
) {
  if (cipher.kind === "plain" || !isSealedType(message.messageType)) return message;
  if (cipher.kind === "open") return cipher.keys.seal(create(CollaborationMessageSchema, message), sender);
  throw new Error(
    `session ${sessionId} is encrypted, and its key is not here${cipher.why === "" ? "" : `: ${cipher.why}`}`,
  );
}

/** What opens and seals is loaded where it is wanted. */
async function keysOf(session: Session, text: string): Promise<SessionKeys> {
  const [{ SessionKeys }, { parseSessionKey }] = await Promise.all([
    import("../../wire/session-keys.ts"),
    import("../../wire/sealed-message.ts"),
  ]);
  return SessionKeys.of(session, parseSessionKey(text), session.state !== SessionState.IMPORTED);
}

function keyFor(sessionId: string): string | undefined {
  return given.get(sessionId) ?? readKept(nameOf(sessionId)) ?? undefined;
}

function nameOf(sessionId: string): string {
  return `session-key.${sessionId}`;
}

function set(sessionId: string, cipher: SessionCipher): SessionCipher {
  ciphers.value = new Map([...ciphers.peek(), [sessionId, cipher]]);
  return cipher;
}
