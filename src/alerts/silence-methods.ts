/**
 * Silences over the wire. One that is made by somebody with a scope keeps that, and holds back nothing else, whoever extends it.
 * It is seen by those who see the scope it was made in, or an alert that it meets; it is changed by the former alone.
 */
import { isWithin, scopeOf, scopeText, type Scope } from "../model/access.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import { unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { Alerts } from "../wire/gen/alerts_pb.ts";
import type { AlertRecord } from "./alert.ts";
import { matchedLabels } from "./alert-silences.ts";
import { stateOfSilence, type Silence } from "./notify/silence.ts";
import { noSilence, testOfSilence } from "./notify/silences.ts";
import { messageOfSilence, silenceOf } from "./silence-message.ts";

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
  /** Active ones. */
  active(): Iterable<AlertRecord>;
  sees(scope: Scope): SeesAlert;
  /** Lets others run. */
  pause(): Promise<void>;
}

/** Between two pauses: a few milliseconds. */
const TESTS_AT_ONCE = 5_000;

export function silenceMethods(deps: SilenceMethodDeps): MethodImpl[] {
  const { silencing, newId, nowMs, actorOf } = deps;
  const answer = (silence: Silence) => ({ silence: messageOfSilence(silence, nowMs()) });
  const byId = (id: string) => silencing.silences().find((silence) => silence.id === id);
  /** Throws NOT_FOUND for one that is not seen, and FAILED_PRECONDITION for one that others rely on. */
  const checkMayChange = async (id: string, { principal: { scope } }: CallContext) => {
    const silence = byId(id);
    if (scope.isEverything || (silence !== undefined && isOf(silence, scope))) return;
    const isSeen = silence !== undefined && (await seenOf([silence], scope, deps)).length > 0;
    if (!isSeen) throw noSilence(id);
    const wanted = `wanted one that was made for ${scopeText(scope)}`;
    throw new WatchpostError(
      "FAILED_PRECONDITION",
      `silence ${id} may also hold back what is out of your scope; ${wanted}`,
    );
  };
  return [
    unary(Alerts.method.putSilence, async ({ silence, userId }, context) => {
      if (silence === undefined) throw invalidField("silence", "", "a silence");
      const { scope } = context.principal;
      const by = actorOf(userId || silence.author, context);
      if (silence.id !== "") await checkMayChange(silence.id, context);
      const before = byId(silence.id);
      const author = before?.author ?? actorOf(silence.author || userId, context);
      const own = scope.isEverything ? undefined : scope.patterns;
      const said = { id: silence.id || newId(), author, scope: before === undefined ? own : before.scope };
      return answer(await silencing.putSilence(silenceOf(silence, said, nowMs()), by));
    }),
    unary(Alerts.method.expireSilence, async ({ id, userId }, context) => {
      await checkMayChange(id, context);
      return answer(await silencing.expireSilence(id, actorOf(userId, context)));
    }),
    unary(Alerts.method.listSilences, async ({ expired }, { principal: { scope } }) => {
      const all = silencing.silences().filter((silence) => expired || stateOfSilence(silence, nowMs()) !== "expired");
      const seen = scope.isEverything ? all : await seenOf(all, scope, deps);
      const sorted = seen.sort((a, b) => a.endsAtMs - b.endsAtMs || (a.id < b.id ? -1 : 1));
      return { silences: sorted.map((silence) => messageOfSilence(silence, nowMs())) };
    }),
  ];
}

/** Made for nothing that the scope leaves out. */
function isOf(silence: Silence, scope: Scope): boolean {
  return silence.scope !== undefined && isWithin(scopeOf(silence.scope), scope);
}

async function seenOf(all: readonly Silence[], scope: Scope, { active, sees, pause }: SilenceMethodDeps) {
  const seen = all.filter((silence) => isOf(silence, scope));
  const isSeen = sees(scope);
  let others = all
    .filter((silence) => !isOf(silence, scope))
    .map((silence) => ({ silence, meets: testOfSilence(silence, sees) }));
  let tests = 0;
  for (const alert of active()) {
    if (others.length === 0) break;
    tests += others.length;
    if (tests >= TESTS_AT_ONCE) {
      tests = 0;
      await pause();
    }
    if (!isSeen(alert.labels)) continue;
    const labels = matchedLabels(alert);
    const met = others.filter(({ meets }) => meets(labels));
    if (met.length === 0) continue;
    seen.push(...met.map(({ silence }) => silence));
    others = others.filter((other) => !met.includes(other));
  }
  return seen;
}
