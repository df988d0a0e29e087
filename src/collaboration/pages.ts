/** Pages of lists out of documents: how long they are, and where the next one goes on. */
import { invalidField } from "../model/errors.ts";
import type { StoredDocument } from "../model/journal.ts";

/** Of one answer: clients take messages of 4 MB as a rule. */
export const PAGE_BYTES_MAX = 1024 * 1024;

/** Of the document behind which a page goes on. */
export type Place = Pick<StoredDocument, "sort" | "key">;

export function pageOf({ sort, key }: Place): string {
  return Buffer.from(JSON.stringify([sort, key])).toString("base64url");
}

/** Inverse of {@link pageOf}. Throws INVALID_ARGUMENT for what is none. */
export function placeOf(page: string): Place {
  try {
    const [sort, key] = JSON.parse(Buffer.from(page, "base64url").toString()) as unknown[];
    const isSort = typeof sort === "number" && Math.abs(sort) <= Number.MAX_SAFE_INTEGER;
    if (isSort && typeof key === "string") return { sort, key };
  } catch {
    // No page of ours, like what is none of the above.
  }
  throw invalidField("page", page, "next_page of the page before, unchanged");
}

/** Whether `a` comes before `b` where the latest comes first. */
export function isLater(a: Place, b: Place): boolean {
  return a.sort > b.sort || (a.sort === b.sort && a.key > b.key);
}

/** 0: `whereZero`. Throws INVALID_ARGUMENT where it is not up to `max`. */
export function limitIn(limit: number, whereZero: number, max: number): number {
  if (limit < 0 || limit > max) throw invalidField("limit", limit, `0 to ${max}`);
  return limit || whereZero;
}
