/**
 * How members of an encrypted session seal what they say, with a key that the server never has: AES-256-GCM by WebCrypto, in
 * browsers and on the command line alike. The one place that encrypts; docs/sessions.md says what it protects.
 */
import { WatchpostError } from "../model/errors.ts";

/** One of a session's keys. */
export interface SessionKey {
  /** Its number, from 1. */
  readonly epoch: number;
  /** 32 random bytes. */
  readonly secret: Uint8Array<ArrayBuffer>;
}

/** Where a message belongs: what is opened as something else is refused. */
export interface MessagePlace {
  /** As the session was made. */
  readonly sessionId: string;
  /** User id of whoever says it. */
  readonly sender: string;
  /** Its client_message_id. */
  readonly messageId: string;
  readonly epoch: number;
}

export interface SealedBytes {
  /** 12 bytes. */
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** With its tag of {@link TAG_BYTES}. */
  readonly ciphertext: Uint8Array<ArrayBuffer>;
}

export const EPOCH_MAX = 64;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
export const SECRET_BYTES = 32;
export const KEY_CHECK_BYTES = 16;

/** What a derived key, or what is sealed with it, is for: none does for another one. */
const PURPOSES = {
  message: "watchpost session message 1",
  earlierKey: "watchpost session earlier key 1",
  check: "watchpost session key check 1",
} as const;
type Purpose = keyof typeof PURPOSES;

const KEY_TEXT = /^(?:[^]*#)?(?:key=)?(\d{1,2})\.([A-Za-z0-9_-]{43})$/;

/** A new one. */
export function newSessionKey(epoch: number): SessionKey {
  return { epoch, secret: crypto.getRandomValues(new Uint8Array(SECRET_BYTES)) };
}

/** "1.V2F0…": its number and its secret, as base64url. */
export function sessionKeyText({ epoch, secret }: SessionKey): string {
  const base64 = btoa(String.fromCharCode(...secret));
  return `${epoch}.${base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** Of a key, or of a link that ends with one. Throws INVALID_ARGUMENT, without showing what was given. */
export function parseSessionKey(text: string): SessionKey {
  const [, epoch, secret] = KEY_TEXT.exec(text.trim()) ?? [];
  const number = Number(epoch);
  if (secret !== undefined && number >= 1 && number <= EPOCH_MAX) {
    const bytes = atob(secret.replaceAll("-", "+").replaceAll("_", "/"));
    return { epoch: number, secret: Uint8Array.from(bytes, (char) => char.charCodeAt(0)) };
  }
  const wanted = "a link that ends with #key=NUMBER.SECRET, or what stands behind #key=, whole";
  throw new WatchpostError("INVALID_ARGUMENT", `the key of a session cannot be read; wanted ${wanted}`);
}

/** By which members know a key: {@link KEY_CHECK_BYTES} that tell nothing of it. */
export async function keyCheckOf(key: SessionKey, sessionId: string): Promise<Uint8Array<ArrayBuffer>> {
  const info = contextOf("check", sessionId, "", "", key.epoch);
  const bits = await subtle().deriveBits(hkdf(info), await baseKeyOf(key), KEY_CHECK_BYTES * 8);
  return new Uint8Array(bits);
}

export async function isKeyOf(key: SessionKey, sessionId: string, check: Uint8Array): Promise<boolean> {
  const own = await keyCheckOf(key, sessionId);
  return own.length === check.length && own.every((byte, i) => byte === check[i]);
}

/** Each time under a nonce of its own: 96 random bits, which of 2^32 messages under one key make two equal ones with odds of 2^-33. */
export function sealText(text: string, key: SessionKey, place: MessagePlace): Promise<SealedBytes> {
  return seal(new TextEncoder().encode(text), "message", key, place);
}

/** Throws DATA_LOSS where it was changed, belongs elsewhere or was sealed with another key. */
export async function openText(sealed: SealedBytes, key: SessionKey, place: MessagePlace): Promise<string> {
  return new TextDecoder("utf-8", { fatal: true }).decode(await open(sealed, "message", key, place));
}

/** For those who have the key behind it alone. */
export function sealEarlierKey(earlier: SessionKey, key: SessionKey, sessionId: string): Promise<SealedBytes> {
  return seal(earlier.secret, "earlierKey", key, { sessionId, sender: "", messageId: "", epoch: key.epoch });
}

/** The key before `key`. Throws as {@link openText} does. */
export async function openEarlierKey(sealed: SealedBytes, key: SessionKey, sessionId: string): Promise<SessionKey> {
  const secret = await open(sealed, "earlierKey", key, { sessionId, sender: "", messageId: "", epoch: key.epoch });
  if (secret.length !== SECRET_BYTES) throw cannotBeOpened();
  return { epoch: key.epoch - 1, secret };
}

async function seal(
  bytes: Uint8Array<ArrayBuffer>,
  purpose: Purpose,
  key: SessionKey,
  place: MessagePlace,
): Promise<SealedBytes> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const ciphertext = await subtle().encrypt(gcm(nonce, purpose, place), await aesKeyOf(key, purpose, place), bytes);
  return { nonce, ciphertext: new Uint8Array(ciphertext) };
}

async function open(
  { nonce, ciphertext }: SealedBytes,
  purpose: Purpose,
  key: SessionKey,
  place: MessagePlace,
): Promise<Uint8Array<ArrayBuffer>> {
  const aesKey = await aesKeyOf(key, purpose, place);
  try {
    return new Uint8Array(await subtle().decrypt(gcm(nonce, purpose, place), aesKey, ciphertext));
  } catch {
    throw cannotBeOpened();
  }
}

function gcm(nonce: Uint8Array<ArrayBuffer>, purpose: Purpose, { sessionId, sender, messageId, epoch }: MessagePlace) {
  return {
    name: "AES-GCM",
    iv: nonce,
    additionalData: contextOf(purpose, sessionId, sender, messageId, epoch),
    tagLength: TAG_BYTES * 8,
  };
}

/** Derived keys by what they are derived from: a log of thousands of messages needs one. */
const derived = new WeakMap<SessionKey, Map<string, Promise<CryptoKey>>>();

function aesKeyOf(key: SessionKey, purpose: Purpose, { sessionId }: MessagePlace): Promise<CryptoKey> {
  const keys = derived.get(key) ?? new Map<string, Promise<CryptoKey>>();
  derived.set(key, keys);
  const name = `${purpose} ${sessionId}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const made = deriveAesKey(key, contextOf(purpose, sessionId, "", "", key.epoch));
  keys.set(name, made);
  return made;
}

async function deriveAesKey(key: SessionKey, info: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const algorithm = { name: "AES-GCM", length: 256 };
  return subtle().deriveKey(hkdf(info), await baseKeyOf(key), algorithm, false, ["encrypt", "decrypt"]);
}

async function baseKeyOf({ secret }: SessionKey): Promise<CryptoKey> {
  return subtle().importKey("raw", secret, "HKDF", false, ["deriveKey", "deriveBits"]);
}

function hkdf(info: Uint8Array<ArrayBuffer>) {
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
}

/** Each text with its length before it, so that no two contexts have the same bytes. */
function contextOf(purpose: Purpose, sessionId: string, sender: string, messageId: string, epoch: number) {
  const texts = [PURPOSES[purpose], sessionId, sender, messageId].map((text) => new TextEncoder().encode(text));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + 4 + length, 4));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  view.setUint32(at, epoch);
  return bytes;
}

function subtle(): SubtleCrypto {
  // Browsers have it for pages over https, and of this machine.
  const { subtle: found } = crypto as { subtle?: SubtleCrypto };
  if (found !== undefined) return found;
  const message = "this browser encrypts nothing on pages that came over http; wanted the console over https";
  throw new WatchpostError("FAILED_PRECONDITION", message);
}

function cannotBeOpened(): WatchpostError {
  const message = "it was changed on its way, is not of this place, or was sealed with another key";
  return new WatchpostError("DATA_LOSS", message);
}
