/** Rules and how they stand, as whoever asks may see them. */
import type { Scope } from "../model/access.ts";
import { DEVICE_STATUSES, type DeviceStanding, type DeviceStandings } from "../model/device-standing.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { ListRulesRequest } from "../wire/gen/rules_pb.ts";
import type { AlertBook } from "./alert-book.ts";
import { isOfDevice } from "./device-rules.ts";
import type { BoundRule } from "./bound-rule.ts";
import type { Instance } from "./instance.ts";
import { policyTrouble } from "./known-policy.ts";
import type { RuleBook } from "./rule-book.ts";
import { messageOfRule } from "./rule-message.ts";
import { seriesOfRule } from "./series-of-rule.ts";

export interface RuleInfosDeps {
  readonly rules: Pick<RuleBook, "get" | "all">;
  readonly book: Pick<AlertBook, "active">;
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "seesDevice">;
  readonly registry: SeriesRegistry;
  /** Left out: there are none. */
  readonly devices?: Pick<DeviceStandings, "having">;
  sees(scope: Scope): SeesAlert;
  /** Of an alert of the instance, if it fired now. */
  labelsOf(instance: Instance): Readonly<Record<string, string>>;
  /** Names of the escalation policies there are. */
  policies(): readonly string[];
  readonly rulesFile: string;
}

const RULES_A_PAGE = 1_000;
const RULES_A_PAGE_MAX = 10_000;

/**
 * Those who see part of the server see the rules that watch a series or device of it, or have an alert in it; and of these how they
 * stand there.
 */
export class RuleInfos {
  readonly #deps: RuleInfosDeps;

  constructor(deps: RuleInfosDeps) {
    this.#deps = deps;
  }

  /** Throws NOT_FOUND, also for one that is not seen. */
  get(name: string, scope: Scope) {
    const bound = this.#deps.rules.get(name);
    if (bound === undefined || !this.#seen(scope)(bound)) {
      throw new WatchpostError("NOT_FOUND", `there is no rule ${JSON.stringify(name)}`);
    }
    return { info: this.#infoOf(bound, scope, this.#deps.policies()) };
  }

  /** Throws INVALID_ARGUMENT. */
  list({ prefix, after, limit }: ListRulesRequest, scope: Scope) {
    if (limit < 0 || limit > RULES_A_PAGE_MAX) throw invalidField("limit", limit, `0 to ${RULES_A_PAGE_MAX}`);
    const { rules, policies, rulesFile } = this.#deps;
    const isSeen = this.#seen(scope);
    const wanted = rules.all().filter((bound) => bound.rule.name.startsWith(prefix) && isSeen(bound));
    const behind = wanted.filter(({ rule }) => rule.name > after);
    const page = behind.slice(0, limit || RULES_A_PAGE);
    const escalations = [...policies()];
    const infos = page.map((bound) => this.#infoOf(bound, scope, escalations));
    return { rules: infos, total: BigInt(wanted.length), more: behind.length > page.length, escalations, rulesFile };
  }

  /** What many rules need is found out once, when it is needed first. */
  #seen(scope: Scope): (bound: BoundRule) => boolean {
    if (scope.isEverything) return () => true;
    const { scopes, devices, book, sees, registry } = this.#deps;
    const seesSeries = scopes.seesSeries(scope);
    const isSeen = sees(scope);
    let standings: DeviceStanding[] | undefined;
    let alerting: Set<string> | undefined;
    const standingsSeen = () => {
      const all = devices?.having(DEVICE_STATUSES) ?? [];
      return (standings ??= [...all].filter(({ device }) => scopes.seesDevice(scope, device)));
    };
    const rulesAlerting = () => {
      return (alerting ??= new Set([...book.active()].flatMap(({ rule, labels }) => (isSeen(labels) ? [rule] : []))));
    };
    const watches = (bound: BoundRule): boolean => {
      const { rule, matcher, instances } = bound;
      if (bound.isLent) return seriesOfRule(bound, registry).some(seesSeries);
      if (rule.condition.kind === "device") {
        return !rule.isDisabled && standingsSeen().some((standing) => isOfDevice(standing, matcher));
      }
      return instances.values().some(({ probes }) => probes.some(({ seriesId }) => seesSeries(seriesId)));
    };
    return (bound) => watches(bound) || rulesAlerting().has(bound.rule.name);
  }

  #infoOf(bound: BoundRule, scope: Scope, policies: readonly string[]) {
    const { rule, instances } = bound;
    const { scopes, sees, labelsOf, registry } = this.#deps;
    const { isEverything } = scope;
    const [seesSeries, isSeen] = [scopes.seesSeries(scope), sees(scope)];
    const lent = bound.isLent ? seriesOfRule(bound, registry) : [];
    const series = bound.isLent ? lent.length : bound.series;
    let [seen, pending, firing, stale] = [isEverything ? series : lent.filter(seesSeries).length, 0n, 0n, 0n];
    for (const instance of instances.values()) {
      const { lifecycle, probes, isStale } = instance;
      if (!isEverything) for (const { seriesId } of probes) if (seesSeries(seriesId)) seen++;
      if (lifecycle.phase === "quiet" || (!isEverything && !isSeen(labelsOf(instance)))) continue;
      if (lifecycle.phase === "pending") pending++;
      else {
        firing++;
        if (isStale) stale++;
      }
    }
    const trouble = policyTrouble(rule, policies);
    return { rule: messageOfRule(rule), series: BigInt(seen), pending, firing, stale, trouble };
  }
}
