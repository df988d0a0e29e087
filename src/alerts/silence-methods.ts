/** Silences over the wire. */
import { invalidField, messageOf } from "../model/errors.ts";
import { msOfTimestamp, timestampOfMs } from "../wire/timestamp.ts";
import { unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { Alerts, SilenceState as WireState, type Silence as SilenceMessage } from "../wire/gen/alerts_pb.ts";
import { matcherText, parseMatcher, type LabelMatcher } from "./notify/label-matcher.ts";
import { stateOfSilence, type Silence, type SilenceState } from "./notify/silence.ts";

export interface Silencing {
  putSilence(silence: Silence, actor: string): Promise<Silence>;
  expireSilence(id: string, actor: string): Promise<Silence>;
  silences(): Silence[];
}

export interface SilenceMethodDeps {
  readonly silencing: Silencing;
  readonly newId: () => string;
  nowMs(): number;
  /** Whoever is named, otherwise whoever calls. */
  actorOf(userId: string, context: CallContext): string;
}

const STATES: Readonly<Record<SilenceState, WireState>> = {
  pending: WireState.PENDING,
  active: WireState.ACTIVE,
  expired: WireState.EXPIRED,
};

export function silenceMethods({ silencing, newId, nowMs, actorOf }: SilenceMethodDeps): MethodImpl[] {
  const answer = (silence: Silence) => ({ silence: messageOfSilence(silence, nowMs()) });
  return [
    unary(Alerts.method.putSilence, async ({ silence, userId }, context) => {
      if (silence === undefined) throw invalidField("silence", "", "a silence");
      const by = actorOf(userId || silence.author, context);
      const before = silencing.silences().find(({ id }) => id === silence.id);
      const author = before?.author ?? actorOf(silence.author || userId, context);
      const given = silenceOf(silence, silence.id || newId(), author, nowMs());
      return answer(await silencing.putSilence(given, by));
    }),
    unary(Alerts.method.expireSilence, async ({ id, userId }, context) => {
      return answer(await silencing.expireSilence(id, actorOf(userId, context)));
    }),
    unary(Alerts.method.listSilences, async ({ expired }) => {
      const all = silencing.silences().filter((silence) => expired || stateOfSilence(silence, nowMs()) !== "expired");
      const sorted = all.sort((a, b) => a.endsAtMs - b.endsAtMs || (a.id < b.id ? -1 : 1));
      return { silences: sorted.map((silence) => messageOfSilence(silence, nowMs())) };
    }),
  ];
}

function silenceOf(message: SilenceMessage, id: string, author: string, nowMs: number): Silence {
  if (message.endsAt === undefined) throw invalidField("silence.ends_at", "", "a time");
  return {
    id,
    matchers: message.matchers.map(matcherIn),
    startsAtMs: message.startsAt === undefined ? nowMs : msOfTimestamp(message.startsAt),
    endsAtMs: msOfTimestamp(message.endsAt),
    author,
    comment: message.comment,
    isForAll: message.all,
  };
}

function matcherIn(text: string, i: number): LabelMatcher {
  try {
    return parseMatcher(text);
  } catch (error) {
    throw invalidField(`silence.matchers[${i}]`, text, messageOf(error).replace(/^wanted /, ""));
  }
}

export function messageOfSilence(silence: Silence, nowMs: number) {
  const { id, matchers, startsAtMs, endsAtMs, author, comment, isForAll } = silence;
  return {
    id,
    matchers: matchers.map(matcherText),
    startsAt: timestampOfMs(startsAtMs),
    endsAt: timestampOfMs(endsAtMs),
    author,
    comment,
    all: isForAll,
    state: STATES[stateOfSilence(silence, nowMs)],
  };
}
