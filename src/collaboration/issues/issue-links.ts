/** What an issue is about, as lists by kind and as words such as "device:pump-1". */
import { create } from "@bufbuild/protobuf";
import { IssueLinksSchema, type IssueLinks } from "../../wire/gen/issues_pb.ts";

export const LINK_LISTS = {
  alert: "alertIds",
  device: "devices",
  annotation: "annotationIds",
  session: "sessionIds",
} as const;
export type LinkKind = keyof typeof LINK_LISTS;
export const LINK_KINDS = Object.keys(LINK_LISTS) as readonly LinkKind[];

/** As in the wire, where there may be none. */
export type MaybeLinks = IssueLinks | undefined;

export function linksOf(links: MaybeLinks, kind: LinkKind): readonly string[] {
  return links?.[LINK_LISTS[kind]] ?? [];
}

export function linkWord(kind: LinkKind, name: string): string {
  return `${kind}:${name}`;
}

/** Without `removed`, then with `added` behind the others, each once. */
export function changedLinks(links: MaybeLinks, added: MaybeLinks, removed: MaybeLinks): IssueLinks {
  const lists = LINK_KINDS.map((kind) => {
    const gone = new Set(linksOf(removed, kind));
    const kept = linksOf(links, kind).filter((name) => !gone.has(name));
    return [LINK_LISTS[kind], [...new Set([...kept, ...linksOf(added, kind)])]];
  });
  return create(IssueLinksSchema, Object.fromEntries(lists) as never);
}

/** The words of those that `links` has and `others` has not. */
export function linksBeyond(links: MaybeLinks, others: MaybeLinks): string[] {
  return LINK_KINDS.flatMap((kind) => {
    const known = new Set(linksOf(others, kind));
    return linksOf(links, kind)
      .filter((name) => !known.has(name))
      .map((name) => linkWord(kind, name));
  });
}

/** Inverse of {@link linkWord}, for words it has made. */
export function linksOfWords(words: readonly string[]): IssueLinks {
  const links = create(IssueLinksSchema);
  for (const word of words) {
    const colon = word.indexOf(":");
    const list = LINK_LISTS[word.slice(0, colon) as LinkKind];
    if (list !== undefined) links[list].push(word.slice(colon + 1));
  }
  return links;
}
