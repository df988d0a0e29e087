/** Which documents are of one node, and stay in its own journal: of its points and of whom it gets them from or gives them to. */
const COLLECTIONS = new Set(["node", "upstream", "upstream.source"]);
const PREFIXES = ["forwarding."];

export function isNodeLocal(collection: string): boolean {
  return COLLECTIONS.has(collection) || PREFIXES.some((prefix) => collection.startsWith(prefix));
}
