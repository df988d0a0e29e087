/** Who is told of alerts, as the server's rules file says it, and whether notifications get there. */
import { Alerts } from "../wire/gen/alerts_pb.ts";
import type {
  ChannelTest,
  ListPoliciesResponse,
  ListReceiversResponse,
  PreviewRoutingResponse,
} from "../wire/gen/receivers_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** `name` "": all. Throws the server's status, as all of these do; NOT_FOUND where there is none of that name. */
export function listReceivers(
  connection: Connection,
  name: string,
  options: AskOptions = {},
): Promise<ListReceiversResponse> {
  return ask(connection, Alerts.method.listReceivers, { name }, options);
}

export function listPolicies(connection: Connection, options: AskOptions = {}): Promise<ListPoliciesResponse> {
  return ask(connection, Alerts.method.listPolicies, {}, options);
}

/** Who would be told of an alert with these labels, if it fired now. `escalation` "": of no policy. */
export function previewRouting(
  connection: Connection,
  request: { readonly labels: Record<string, string>; readonly escalation: string },
  options: AskOptions = {},
): Promise<PreviewRoutingResponse> {
  return ask(connection, Alerts.method.previewRouting, request, options);
}

/**
 * Has a test sent to a receiver, once; resolves with what came of it on each channel. `channel` "": all of them. Throws
 * NOT_FOUND, and RESOURCE_EXHAUSTED where it is too often.
 */
export async function testReceiver(
  connection: Connection,
  request: { readonly receiver: string; readonly channel: string; readonly userId: string },
  options: AskOptions = {},
): Promise<readonly ChannelTest[]> {
  return (await ask(connection, Alerts.method.testReceiver, request, options)).channels;
}
