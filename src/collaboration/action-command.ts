/**
 * Actions in a session as calls: which RPC with which request a message of type action means, and how its answer is told.
 * Pure.
 */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { formatDurationMs, parseDurationMs } from "../model/duration.ts";
import { invalidField, truncated } from "../model/errors.ts";
import {
  Alerts,
  AlertState,
  type Alert,
  type AlertResponse,
  type Silence,
  type SilenceResponse,
} from "../wire/gen/alerts_pb.ts";
import { msOfTimestamp, timestampOfMs } from "../wire/timestamp.ts";
import type { Draft } from "./session-message.ts";

/** Values of metadata["action"]. */
export const ACTIONS = ["acknowledge", "resolve", "assign", "comment", "silence", "extend", "unsilence"] as const;
export type Action = (typeof ACTIONS)[number];

/** What an action is done to, as it was found. */
export interface ActionTarget {
  /** While it is active. */
  readonly alert?: Alert;
  /** Of an alert that is over, too. */
  readonly alertId?: string;
  /** That is not over. */
  readonly silence?: Silence;
}

/** Metadata that a message is kept with: "result", a sentence, and what it was done to. */
export type ActionResult = Readonly<Record<string, string>>;

/** The call that an action is. */
export interface ActionCommand {
  readonly method: DescMethodUnary;
  readonly request: MessageInitShape<DescMessage>;
  /** Of the method's answer. */
  told(answer: never): ActionResult;
}

const DURATION_MS_MAX = 400 * 86_400_000;
const MATCHERS_LENGTH_MAX = 8_192;
const SHOWN_LENGTH_MAX = 500;

/** Throws INVALID_ARGUMENT with the actions there are. */
export function actionIn({ metadata }: Pick<Draft, "metadata">): Action {
  const given = metadata["action"] ?? "";
  const action = ACTIONS.find((each) => each === given);
  if (action === undefined)
    throw invalidField("metadata.action", given, `${ACTIONS.slice(0, -1).join(", ")} or ${ACTIONS.at(-1)}`);
  return action;
}

/** Throws INVALID_ARGUMENT for what is missing or wrong, by its name. */
export function commandOf(action: Action, draft: Draft, target: ActionTarget, nowMs: number): ActionCommand {
  const { userId, text, metadata } = draft;
  switch (action) {
    case "acknowledge": {
      const request = { id: alertIdOf(target), userId, comment: text };
      return command(Alerts.method.acknowledgeAlert, request, alertTold("acknowledged"));
    }
    case "resolve": {
      const request = { id: alertIdOf(target), userId, comment: text };
      return command(Alerts.method.resolveAlert, request, alertTold("resolved"));
    }
    case "comment":
      return command(Alerts.method.commentAlert, { id: alertIdOf(target), userId, text }, alertTold("commented on"));
    case "assign": {
      const { assignee } = metadata;
      if (assignee === undefined)
        throw invalidField("metadata.assignee", "", 'whom it is assigned to, or "" for nobody; it is missing');
      return command(
        Alerts.method.assignAlert,
        { id: alertIdOf(target), userId, assignee },
        alertTold("assigned", ` to ${assignee || "nobody"}`),
      );
    }
    case "silence": {
      const lastsMs = durationIn(metadata);
      const matchers = target.alert === undefined ? matchersIn(metadata["matchers"] ?? "") : matchersOf(target.alert);
      const silence = { matchers, endsAt: timestampOfMs(nowMs + lastsMs), author: userId, comment: text };
      return command(
        Alerts.method.putSilence,
        { silence },
        silenceTold("silenced", ` for ${formatDurationMs(lastsMs)}`),
      );
    }
    case "extend": {
      const byMs = durationIn(metadata);
      const { $typeName: _, endsAt: before, ...rest } = silenceOf(target);
      const endsAt = timestampOfMs(msOfTimestamp(before!) + byMs);
      return command(
        Alerts.method.putSilence,
        { silence: { ...rest, endsAt }, userId },
        silenceTold("extended the silence of", ` by ${formatDurationMs(byMs)}`),
      );
    }
    case "unsilence":
      return command(
        Alerts.method.expireSilence,
        { id: silenceOf(target).id, userId },
        silenceTold("ended the silence of"),
      );
  }
}

function command<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  told: (answer: MessageShape<O>) => ActionResult,
): ActionCommand {
  return { method, request, told };
}

/** "acknowledged high alert ‘pump-1 is at 90’". */
function alertTold(did: string, more = "") {
  return ({ alert }: AlertResponse): ActionResult => {
    const { id = "", title = "", severity = "", incidentId = "", state } = alert ?? {};
    const over = state === AlertState.CLEARED && did !== "resolved" ? ", which is over" : "";
    const result = `${did} ${severity} alert ‘${shown(title)}’${more}${over}`;
    return { result, alert_id: id, title, severity, incident_id: incidentId };
  };
}

/** "silenced device="pump-1" for 2h". */
function silenceTold(did: string, more = "") {
  return ({ silence }: SilenceResponse): ActionResult => {
    const { id = "", matchers = [], endsAt } = silence ?? {};
    const result = `${did} ${shown(matchers.join(" "))}${more}`;
    return {
      result,
      silence_id: id,
      ends_at: endsAt === undefined ? "" : new Date(msOfTimestamp(endsAt)).toISOString(),
    };
  };
}

/** Cut between the halves of a character it would be no text. */
function shown(text: string): string {
  return truncated(text, SHOWN_LENGTH_MAX).toWellFormed();
}

function alertIdOf({ alertId = "" }: ActionTarget): string {
  if (alertId === "")
    throw invalidField("metadata.alert_id", "", "the id of an alert, of which the first letters are enough");
  return alertId;
}

function silenceOf({ silence }: ActionTarget): Silence {
  if (silence === undefined)
    throw invalidField("metadata.silence_id", "", "the id of a silence, of which the first letters are enough");
  return silence;
}

function durationIn({ duration = "" }: Draft["metadata"]): number {
  const wanted = `a duration such as "2h", at most "${formatDurationMs(DURATION_MS_MAX)}"`;
  let durationMs = NaN;
  try {
    durationMs = Math.round(parseDurationMs(duration));
  } catch {
    // Said below, with its name.
  }
  if (durationMs > 0 && durationMs <= DURATION_MS_MAX) return durationMs;
  throw invalidField("metadata.duration", duration, wanted);
}

/** Written as Alertmanager prints them: commas or line breaks between, braces around or not. */
export function matchersIn(text: string): string[] {
  const inner = text.trim().replace(/^\{([^]*)\}$/, "$1");
  const parts = text.length > MATCHERS_LENGTH_MAX ? [] : (inner.match(/(?:"(?:[^"\\]|\\[^])*"|[^,\n])+/g) ?? []);
  const matchers = parts.map((part) => part.trim()).filter((part) => part !== "");
  if (matchers.length > 0) return matchers;
  const wanted = `matchers such as device=pump-1,severity!=critical of at most ${MATCHERS_LENGTH_MAX} characters, or an alert_id`;
  throw invalidField("metadata.matchers", text, wanted);
}

/** Of the alert, and whatever fires anew of its rule with its labels. */
function matchersOf({ rule, labels }: Alert): string[] {
  return Object.entries({ alertname: rule, ...labels }).map(([name, value]) => `${quoted(name)}=${quoted(value)}`);
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`;
}
