/**
 * What members do in a session: a message of type action is carried out before it is kept, through the RPC that everybody
 * else calls, as whoever sent it.
 */
import type { Commands } from "../wire/call-method.ts";
import type { CallContext } from "../wire/service.ts";
import { actionIn, commandOf, type ActionResult, type ActionTarget } from "./action-command.ts";
import { targetOf } from "./action-target.ts";
import type { Draft, SessionMessage } from "./session-message.ts";

export interface ActionDeps {
  readonly commands: Commands;
  nowMs(): number;
}

/** Carries out drafts of type action as {@link carryOut} does, then posts them, with what came of it in their metadata. */
export function carryOutActions(deps: ActionDeps) {
  return async (
    draft: Draft,
    _sessionId: string,
    context: CallContext,
    post: (draft: Draft) => Promise<SessionMessage>,
  ): Promise<SessionMessage> => {
    const result = await carryOut(draft, context, deps);
    return post({ ...draft, metadata: { ...draft.metadata, ...result } });
  };
}

/**
 * Resolves once what was asked for is done, and durable. Throws INVALID_ARGUMENT for what is no action or lacks something, by
 * its name; NOT_FOUND where there is no such alert or silence; and whatever the RPC refuses.
 */
export async function carryOut(
  draft: Draft,
  context: CallContext,
  { commands, nowMs }: ActionDeps,
): Promise<ActionResult> {
  const action = actionIn(draft);
  const target = await targetOf(action, draft.metadata, commands, context);
  const { method, request, told } = commandOf(action, draft, target, nowMs());
  return { ...aboutOf(target), ...told((await commands(method, request, context)) as never) };
}

/** Of a silence, too, where an alert was silenced: by the whole id, not the letters it was named by. */
function aboutOf({ alert }: ActionTarget): ActionResult {
  return alert === undefined ? {} : { alert_id: alert.id, incident_id: alert.incidentId };
}
