import { toJson } from "@bufbuild/protobuf";
import { IssueSchema, type Issue } from "../wire/gen/issues_pb.ts";

/** A line: the message as JSON, as over HTTP. */
export function issueJson(issue: Issue): string {
  return `${JSON.stringify(toJson(IssueSchema, issue))}\n`;
}
