/** Secrets that are shown once: an id that lists and logs may show, and 256 random bits, of which only the hash is kept. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

export interface MadeSecret {
  readonly id: string;
  /** What whoever holds it shows. */
  readonly secret: string;
  /** SHA-256 of it, hex. */
  readonly hash: string;
}

const ID_BYTES = 5;
const RANDOM_BYTES = 32;
const SHAPE = /^wp_([0-9a-f]{10})_[A-Za-z0-9_-]{43}$/;
const ID_SHAPE = /^[0-9a-f]{10}$/;
const HASH_SHAPE = /^[0-9a-f]{64}$/;

export function newSecret(): MadeSecret {
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = `wp_${id}_${randomBytes(RANDOM_BYTES).toString("base64url")}`;
  return { id, secret, hash: hashOf(secret) };
}

/** Whether it has the shape of one. */
export function isId(text: string): boolean {
  return ID_SHAPE.test(text);
}

/** Undefined where it has not the shape of one. */
export function idOfSecret(secret: string): string | undefined {
  return SHAPE.exec(secret)?.[1];
}

/** A hash is enough for them: nobody guesses 256 random bits. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

export function isHash(text: string): boolean {
  return HASH_SHAPE.test(text);
}

/** In the same time wherever they differ. */
export function hasHash(secret: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(secret), "hex"), Buffer.from(hash, "hex"));
}
