/** What an action is done to: alerts and silences by their ids, of which the first letters are enough. */
import { invalidField, truncated, WatchpostError } from "../model/errors.ts";
import type { Commands } from "../wire/call-method.ts";
import { Alerts, AlertState } from "../wire/gen/alerts_pb.ts";
import type { CallContext } from "../wire/service.ts";
import type { Action, ActionTarget } from "./action-command.ts";
import type { Draft } from "./session-message.ts";

const SHOWN_MAX = 10;
const SHOWN_LENGTH_MAX = 200;

/**
 * Looks for it as whoever sent the action. Throws INVALID_ARGUMENT where letters stand for several, with what they are, and
 * NOT_FOUND where they stand for none. Of alerts that are over only the whole id is known, and whether there is one is not.
 */
export async function targetOf(
  action: Action,
  { alert_id: alertId = "", silence_id: silenceId = "", matchers = "" }: Draft["metadata"],
  commands: Commands,
  context: CallContext,
): Promise<ActionTarget> {
  if (action === "extend" || action === "unsilence") {
    if (silenceId === "") return {};
    const { silences } = await commands(Alerts.method.listSilences, {}, context);
    const silence = theOne("silence_id", silenceId, silences, ({ matchers: of }) => of.join(" "));
    if (silence === undefined) throw notFound(`no silence that stands has an id that begins with`, silenceId);
    return { silence };
  }
  if (alertId === "") return {};
  if (action === "silence" && matchers !== "") {
    throw invalidField("metadata.matchers", matchers, "none beside alert_id, or no alert_id");
  }
  const request = { state: AlertState.ACTIVE, idPrefix: alertId, limit: SHOWN_MAX + 1 };
  const { alerts } = await commands(Alerts.method.listAlerts, request, context);
  const alert = theOne("alert_id", alertId, alerts, ({ severity, title }) => `${severity}  ${title}`);
  if (alert !== undefined) return { alert, alertId: alert.id };
  if (action === "silence") throw notFound("no active alert has an id that begins with", alertId);
  return { alertId };
}

/** A whole id means itself, also where others begin with it. */
function theOne<T extends { readonly id: string }>(
  field: string,
  prefix: string,
  all: readonly T[],
  wordsOf: (one: T) => string,
): T | undefined {
  const found = all.filter(({ id }) => id.startsWith(prefix));
  const exact = found.find(({ id }) => id === prefix);
  if (exact !== undefined || found.length < 2) return exact ?? found[0];
  const lines = found.slice(0, SHOWN_MAX).map((one) => `  ${one.id}  ${truncated(wordsOf(one), SHOWN_LENGTH_MAX)}`);
  const more = found.length > SHOWN_MAX ? ["  and more"] : [];
  throw invalidField(`metadata.${field}`, prefix, ["more letters of one of these:", ...lines, ...more].join("\n"));
}

function notFound(sentence: string, prefix: string): WatchpostError {
  return new WatchpostError("NOT_FOUND", `${sentence} ${JSON.stringify(prefix)}`);
}
