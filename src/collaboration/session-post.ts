/** How the other parts of collaboration tell something in a session. */
import type { Rows } from "./collaboration-journal.ts";
import type { Draft, SessionMessage } from "./session-message.ts";

export interface SessionPost {
  /**
   * Numbers and keeps a message, `rows` in the same transaction, and tells it to all members. Opens the session where there is
   * none of that id. Throws INVALID_ARGUMENT for what no id is, FAILED_PRECONDITION where the session is closed or imported, and
   * as the journal does.
   */
  post(sessionId: string, draft: Draft, rows?: Rows): Promise<SessionMessage>;
}
