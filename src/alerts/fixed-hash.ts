/** What is written down is compared with what a later version, on a later runtime, makes of the same. */

const LENGTH = 16;

/** 96 bits, the same for ever: the beginning of SHA-256 as base64url. */
export function fixedHash(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, LENGTH);
}
