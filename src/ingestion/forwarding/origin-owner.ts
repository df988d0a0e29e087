/**
 * Whose a node that forwards is: that of the principal who brought it first, so that nobody else who knows its id can end its streams,
 * read its counts or say what of it has come. Names are told apart by how they are proven: each way has givers of its own. Pure.
 */
import { invalidField, WatchpostError } from "../../model/errors.ts";
import type { Principal } from "../../wire/service.ts";

export interface OriginOwner {
  readonly name: string;
  /** How the name is proven, one of {@link PROOFS}. */
  readonly via: string;
}

const PROOFS = ["token", "jwt", "certificate"];
const NAME_LENGTH_MAX = 256;

/** undefined: nobody is asked who they are. */
export function ownerOf({ isAuthenticated, name, via }: Principal): OriginOwner | undefined {
  // A browser's session is its token's.
  return isAuthenticated ? { name, via: via === "session" ? "token" : via } : undefined;
}

/** Who is to have an origin. Throws INVALID_ARGUMENT; without `via` it is a token's. */
export function ownerIn({ to: name, via }: { readonly to: string; readonly via: string }): OriginOwner {
  if (name === "" || name.length > NAME_LENGTH_MAX) {
    throw invalidField(
      "to",
      name,
      `the name of a token, as watchpost token list shows it: 1 to ${NAME_LENGTH_MAX} characters`,
    );
  }
  if (via !== "" && !PROOFS.includes(via))
    throw invalidField("via", via, PROOFS.map((proof) => `"${proof}"`).join(", "));
  return { name, via: via || "token" };
}

/** Whoever comes where nobody has it yet, or nobody is asked, may. */
export function mayBring(owner: OriginOwner | undefined, by: OriginOwner | undefined): boolean {
  return owner === undefined || by === undefined || isSameOwner(owner, by);
}

export function isSameOwner(a: OriginOwner | undefined, b: OriginOwner | undefined): boolean {
  return a?.name === b?.name && a?.via === b?.via;
}

/** Says nothing of whose it is, nor of what it is called. */
export function notYours(originId: string, { name, via }: OriginOwner): WatchpostError {
  const how = via === "token" ? "" : ` --via ${via}`;
  const message =
    `node ${originId} was brought here by another principal than ${shown({ name, via })}, and goes on with that one's credential alone; ` +
    `where it has a new one, either that gets the name of the old one, or an admin of this server says: ` +
    `watchpost upstream hand-over ${originId} --to ${JSON.stringify(name)}${how}`;
  return new WatchpostError("FAILED_PRECONDITION", message);
}

/** For whoever had it. */
export function handedOver(originId: string): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", `an admin has handed node ${originId} over to another principal`);
}

export function shown({ name, via }: OriginOwner): string {
  return `${JSON.stringify(name)} (${via})`;
}
