/** What of a session stands beside its messages: annotations and issues, as they are now. */
import { create } from "@bufbuild/protobuf";
import { documentName, type SetAside } from "../model/set-aside.ts";
import { ListAnnotationsRequestSchema, type Annotation } from "../wire/gen/annotations_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import { listAnnotations } from "./annotations/list-annotations.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import { SEES_EVERY_NAME } from "./seen/named.ts";
import { ISSUES, issueOfDocument, issuesOfSession } from "./issues/issue-documents.ts";

export interface MadeInSession {
  /** Pinned to it or made in it, the earliest first; at most 10,000 of the latest. */
  annotationsOf(sessionId: string): Promise<readonly Annotation[]>;
  /** Linked to it, with their comments, the first one first; at most 1,000 of the newest. */
  issuesOf(sessionId: string): Promise<readonly Issue[]>;
}

const [ANNOTATIONS_MAX, ISSUES_MAX] = [10_000, 1_000];

export function madeInSession(journal: CollaborationJournal, setAside: SetAside): MadeInSession {
  return {
    async annotationsOf(sessionId) {
      const annotations: Annotation[] = [];
      for (let page = ""; annotations.length < ANNOTATIONS_MAX;) {
        const request = create(ListAnnotationsRequestSchema, { filter: { sessionId }, page });
        const { annotations: found, nextPage } = await listAnnotations(request, journal, setAside, SEES_EVERY_NAME);
        annotations.push(...found);
        if (nextPage === "") break;
        page = nextPage;
      }
      return annotations.reverse();
    },
    async issuesOf(sessionId) {
      const query = { collection: issuesOfSession(sessionId), limit: ISSUES_MAX, descending: true };
      const found: Issue[] = [];
      for (const { key } of await journal.documents(query)) {
        const stored = await journal.document(ISSUES, key);
        if (stored === undefined) continue;
        const issue = setAside.read(documentName(stored), () => issueOfDocument(stored));
        if (issue !== undefined) found.push(issue);
      }
      return found.reverse();
    },
  };
}
