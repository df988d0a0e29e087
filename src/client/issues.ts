/** Issues: tracked pieces of work. */
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** With its comments. Throws the server's status; NOT_FOUND where there is none of that number. */
export async function getIssue(connection: Connection, number: bigint, options: AskOptions = {}): Promise<Issue> {
  return (await ask(connection, Collaboration.method.getIssue, { number }, options)).issue!;
}
