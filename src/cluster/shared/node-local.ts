/**
 * Which documents are of one node, and stay in its own journal: of its points, of whom it gets them from or gives them to, and what it
 * alone could not write for all.
 */
import { HELD_COLLECTION } from "./held-pieces.ts";

const COLLECTIONS = new Set(["node", "upstream", "upstream.source", HELD_COLLECTION]);
const PREFIXES = ["forwarding."];

export function isNodeLocal(collection: string): boolean {
  return COLLECTIONS.has(collection) || PREFIXES.some((prefix) => collection.startsWith(prefix));
}
