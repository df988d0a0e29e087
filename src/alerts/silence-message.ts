/** Silences as they go over the wire, and come from there. */
import { invalidField, messageOf } from "../model/errors.ts";
import { SilenceState as WireState, type Silence as SilenceMessage } from "../wire/gen/alerts_pb.ts";
import { msOfTimestamp, timestampOfMs } from "../wire/timestamp.ts";
import { matcherText, parseMatcher, type LabelMatcher } from "./notify/label-matcher.ts";
import { stateOfSilence, type Silence, type SilenceState } from "./notify/silence.ts";

const STATES: Readonly<Record<SilenceState, WireState>> = {
  pending: WireState.PENDING,
  active: WireState.ACTIVE,
  expired: WireState.EXPIRED,
};

/** `said`: what the message does not decide. Throws INVALID_ARGUMENT. */
export function silenceOf(message: SilenceMessage, said: Pick<Silence, "id" | "author" | "scope">, nowMs: number) {
  if (message.endsAt === undefined) throw invalidField("silence.ends_at", "", "a time");
  return {
    ...said,
    matchers: message.matchers.map(matcherIn),
    startsAtMs: message.startsAt === undefined ? nowMs : msOfTimestamp(message.startsAt),
    endsAtMs: msOfTimestamp(message.endsAt),
    comment: message.comment,
    isForAll: message.all,
  };
}

export function messageOfSilence(silence: Silence, nowMs: number) {
  const { id, matchers, startsAtMs, endsAtMs, author, comment, isForAll, scope } = silence;
  return {
    id,
    matchers: matchers.map(matcherText),
    startsAt: timestampOfMs(startsAtMs),
    endsAt: timestampOfMs(endsAtMs),
    author,
    comment,
    all: isForAll,
    state: STATES[stateOfSilence(silence, nowMs)],
    ...(scope && { scope: { sources: [...scope.sources], devices: [...scope.devices], sites: [...scope.sites] } }),
  };
}

function matcherIn(text: string, i: number): LabelMatcher {
  try {
    return parseMatcher(text);
  } catch (error) {
    throw invalidField(`silence.matchers[${i}]`, text, messageOf(error).replace(/^wanted /, ""));
  }
}
