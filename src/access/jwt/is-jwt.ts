/** Which credentials may be JWTs: known without what verifies them, which is loaded where an identity provider is set. */

const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Tokens that are made here have no dots. */
export function isJwt(secret: string): boolean {
  return SHAPE.test(secret);
}
