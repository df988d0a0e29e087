/** Edits of an issue that somebody else has changed meanwhile. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { toBinary } from "@bufbuild/protobuf";
import { invalidField, truncated, WatchpostError } from "../../model/errors.ts";
import { IssueSchema, type Issue } from "../../wire/gen/issues_pb.ts";
import { packed } from "../../wire/status.ts";

/** Clients take 8 KiB of trailers or more, which are base64. */
const DETAIL_BYTES_MAX = 4 * 1024;
/** The message stands in the trailers twice. */
const NAME_SHOWN_MAX = 64;

/**
 * Throws ABORTED where there is a later revision than `edited`, with the issue as it is in the details: without its
 * comments, and where it is long without description, labels and links. 0: whichever there is was edited.
 */
export function refuseEarlierRevision(issue: Issue, edited: bigint): void {
  const { number, revision, updatedBy, updatedAt } = issue;
  if (edited === 0n || edited === revision) return;
  if (edited > revision)
    throw invalidField("revision", edited, `${revision}, which issue ${number} is at, or an earlier one`);
  const when = updatedAt === undefined ? "" : ` at ${timestampDate(updatedAt).toISOString()}`;
  const message = `issue ${number} is at revision ${revision}, made by ${JSON.stringify(truncated(updatedBy, NAME_SHOWN_MAX))}${when}, and revision ${edited} was edited; wanted an edit of revision ${revision}`;
  throw new WatchpostError("ABORTED", message, { messages: [packed(IssueSchema, short(issue))] });
}

function short(issue: Issue): Issue {
  const whole: Issue = { ...issue, comments: [] };
  if (toBinary(IssueSchema, whole).length <= DETAIL_BYTES_MAX) return whole;
  const { links: _, ...rest } = whole;
  return { ...rest, description: "", labels: [] };
}
