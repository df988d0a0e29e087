/**
 * What of sessions, annotations and issues is in whose scope. A device, metric or other selection of series is seen where any of
 * its series is; of an alert its place decides, of an incident its alerts. What is not there is in nobody's scope. What was found
 * out is remembered for a second, or until something moves.
 */
import { scopeText, type Scope } from "../../model/access.ts";
import type { Clock } from "../../model/clock.ts";
import { invalidField, WatchpostError } from "../../model/errors.ts";
import { compileGlob, isGlob } from "../../model/glob.ts";
import { valueInKey } from "../../model/matcher.ts";
import { seesAlert } from "../../model/sees-alert.ts";
import { tagOfKey } from "../../model/series-key.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { SeriesScopes } from "../../model/series-scopes.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { Session } from "../../wire/gen/collaboration_pb.ts";
import type { Principal } from "../../wire/service.ts";
import type { SeriesSelector } from "../replay/about.ts";
import { isOfTopics, keyOf, namesOfAnnotation, namesOfSession, SEES_EVERY_NAME, seesAll, unseenOf } from "./named.ts";
import type { Answer, Named, SeesName } from "./named.ts";

export type Labels = Readonly<Record<string, string>>;

/** Where something is, on which all depends; or what something is about, of sessions and incidents, on which less does. */
export type Change = "places" | "topics";

export type Versions = Readonly<Record<Change, number>>;

/** What stands around sessions, as the server has it. */
export interface Surroundings {
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "seesDevice" | "seesLabels">;
  readonly registry: Pick<SeriesRegistry, "has" | "keyOf" | "metrics" | "idsOfMetric">;
  /** Undefined: there is no such alert. At once where nothing has to be read for it. */
  labelsOfAlert(alertId: string): Labels | undefined | Promise<Labels | undefined>;
  /** Of those that are active. */
  labelsOfIncident(incidentId: string): Iterable<Labels>;
  /** Calls `listener` when a device has moved ("places"), or an incident has other alerts ("topics"). Returns what ends it. */
  onChanged(listener: (what: Change) => void): () => void;
}

/** What stands in them. Undefined: there is none. */
export interface Made {
  session(id: string): Session | undefined | Promise<Session | undefined>;
  annotation(id: string): Promise<Annotation | undefined>;
}

export interface VisibilityDeps {
  readonly surroundings: Surroundings;
  readonly made: Made;
  readonly clock: Pick<Clock, "monotonicMs" | "after">;
  /** Another one in each run of the server. */
  readonly run: string;
  /** Lets others have their turn. */
  pause(): Promise<void>;
}

/** Whoever asks, and what they see. */
export interface Viewer {
  readonly principal: Principal;
  readonly sees: SeesName;
}

interface Known {
  readonly answer: Answer;
  readonly version: number;
  readonly untilMs: number;
}

const KNOWN_MS = 1_000;
const SCOPES_MAX = 1_000;
/** Names that something is known of, of all scopes together, and their characters. */
const [KNOWN_MAX, KNOWN_CHARS_MAX] = [50_000, 4 * 1024 * 1024];
/** What changes meanwhile is told together. */
const HOLD_MS = 500;
/** Series that are looked at in one turn of the event loop. */
const SERIES_AT_ONCE = 4_096;

export class Visibility implements Disposable {
  readonly #deps: VisibilityDeps;
  /** By the scope's key, the one that was asked for last at the end. */
  readonly #byScope = new Map<string, SeesName>();
  readonly #listeners = new Set<(what: Change) => void>();
  readonly #unfollow: () => void;
  #telling: { readonly cancel: () => void; what: Change } | null = null;
  #known = new Map<string, Known>();
  #knownChars = 0;
  readonly #versions = { places: 0, topics: 0 };

  constructor(deps: VisibilityDeps) {
    this.#deps = deps;
    this.#unfollow = deps.surroundings.onChanged((what) => this.changed(what));
  }

  /** Who sees everything sees what is not there as well. */
  viewer(principal: Principal): Viewer {
    return { principal, sees: this.sees(principal.scope) };
  }

  sees(scope: Scope): SeesName {
    if (scope.isEverything) return SEES_EVERY_NAME;
    const sees = this.#byScope.get(scope.key) ?? this.#seesIn(scope);
    this.#byScope.delete(scope.key);
    this.#byScope.set(scope.key, sees);
    for (const key of this.#byScope.keys()) {
      if (this.#byScope.size <= SCOPES_MAX) break;
      this.#byScope.delete(key);
    }
    return sees;
  }

  /** How often something has changed. */
  get versions(): Versions {
    return { ...this.#versions };
  }

  /** While it is the same nothing has changed for that scope; another one in each run of the server. */
  markOf({ key }: Scope, { places, topics }: Versions): string {
    return Bun.hash([key, this.#deps.run, places, topics].join("\0")).toString(36);
  }

  /** Something may be in other scopes from now on, such as a session that is about something else. */
  changed(what: Change): void {
    this.#versions[what]++;
    this.#telling ??= { cancel: this.#deps.clock.after(HOLD_MS, () => this.#tell()), what };
    if (what === "places") this.#telling.what = what;
  }

  /** Calls `listener` within a second of what {@link changed} says. Returns what ends it. */
  follow(listener: (what: Change) => void): () => void {
    const own = (what: Change) => listener(what);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Throws NOT_FOUND where there is a session of that id that is not seen; where there is none, one may be opened. */
  async checkMayOpen(sessionId: string, { sees }: Viewer): Promise<void> {
    if (sees === SEES_EVERY_NAME || sessionId === "") return;
    const session = await this.#deps.made.session(sessionId);
    if (session !== undefined && !(await seesAll(namesOfSession(session), sees))) throw noSession(sessionId);
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#telling?.cancel();
    this.#listeners.clear();
  }

  #tell(): void {
    const { what } = this.#telling!;
    this.#telling = null;
    for (const listener of [...this.#listeners]) listener(what);
  }

  #seesIn(scope: Scope): SeesName {
    const sees: SeesName = (named) => {
      const key = `${scope.key} ${keyOf(named)}`;
      const nowMs = this.#deps.clock.monotonicMs();
      const { places, topics } = this.#versions;
      const version = places + (isOfTopics(named) ? topics : 0);
      const found = this.#known.get(key);
      if (found?.version === version && nowMs < found.untilMs) return found.answer;
      const answer = this.#look(named, scope, sees);
      this.#remember(key, { answer, version, untilMs: nowMs + KNOWN_MS });
      if (answer instanceof Promise) answer.catch(() => this.#known.delete(key));
      return answer;
    };
    return sees;
  }

  #remember(key: string, known: Known): void {
    if (this.#known.size >= KNOWN_MAX || this.#knownChars + key.length > KNOWN_CHARS_MAX) {
      this.#known.clear();
      this.#knownChars = 0;
    }
    this.#known.set(key, known);
    this.#knownChars += key.length;
  }

  #look(named: Named, scope: Scope, sees: SeesName): Answer {
    const { surroundings, made } = this.#deps;
    const { scopes } = surroundings;
    const seesLabels = seesAlert(scope, scopes);
    switch (named.kind) {
      case "device":
        return scopes.seesDevice(scope, named.name);
      case "series":
        return this.#seesAnyOf(named.selector, scope);
      case "alert":
        return then(surroundings.labelsOfAlert(named.name), (labels) => labels !== undefined && seesLabels(labels));
      case "incident": {
        const active = [...surroundings.labelsOfIncident(named.name)];
        return active.length === 0 ? named.isSpelledOut : active.every(seesLabels);
      }
      case "session":
        return then(readable(made.session(named.name)), (session) => {
          return session !== undefined && seesAll(namesOfSession(session), sees);
        });
      case "annotation":
        return then(readable(made.annotation(named.name)), (annotation) => {
          return annotation !== undefined && seesAll(namesOfAnnotation(annotation), sees);
        });
    }
  }

  #seesAnyOf(selector: SeriesSelector, scope: Scope): Answer {
    const { registry, scopes } = this.#deps.surroundings;
    const sees = scopes.seesSeries(scope);
    const matches = matcherOf(selector);
    const ids = idsOf(selector, registry);
    const look = (): boolean | undefined => {
      for (let looked = 0; looked < SERIES_AT_ONCE; looked++) {
        const { done, value: id } = ids.next();
        if (done) return false;
        if (sees(id) && registry.has(id) && matches(registry.keyOf(id))) return true;
      }
      return undefined;
    };
    const lookOn = async (): Promise<boolean> => {
      for (;;) {
        await this.#deps.pause();
        const found = look();
        if (found !== undefined) return found;
      }
    };
    return look() ?? lookOn();
  }
}

export function noSession(id: string): WatchpostError {
  return new WatchpostError("NOT_FOUND", `there is no session ${JSON.stringify(id)}`);
}

/** Throws INVALID_ARGUMENT for the first name that whoever asks does not see, in the same words where there is no such thing. */
export async function refuseUnseen(names: Iterable<Named>, { principal, sees }: Viewer): Promise<void> {
  const unseen = await unseenOf(names, sees);
  if (unseen === undefined) return;
  const { kind, name, field } = unseen;
  const what = kind === "series" ? "series" : `${/^[ai]/.test(kind) ? "an" : "a"} ${kind}`;
  throw invalidField(field, name, `${what} in the scope of ${principal.name} (${scopeText(principal.scope)})`);
}

function* idsOf({ metric = "*" }: SeriesSelector, registry: Surroundings["registry"]): Generator<number, void> {
  if (!isGlob(metric)) return yield* [...registry.idsOfMetric(metric)];
  const matches = compileGlob(metric);
  for (const name of [...registry.metrics()]) {
    // No series, and a look all the same.
    if (!matches(name)) yield 0;
    else yield* [...registry.idsOfMetric(name)];
  }
}

function matcherOf({ source, device, tags = {} }: SeriesSelector): (key: string) => boolean {
  const wanted = Object.entries(tags);
  return (key) =>
    (source === undefined || valueInKey(key, "source") === source) &&
    (device === undefined || valueInKey(key, "device") === device) &&
    wanted.every(([tag, value]) => tagOfKey(key, tag) === value);
}

/** What cannot be read says nothing of what it is about. */
function readable<T>(given: T | Promise<T | undefined>): T | Promise<T | undefined> {
  if (!(given instanceof Promise)) return given;
  return given.catch((error: unknown) => {
    if (error instanceof WatchpostError && error.status === "DATA_LOSS") return undefined;
    throw error;
  });
}

function then<T>(given: T | Promise<T>, decide: (value: T) => Answer): Answer {
  return given instanceof Promise ? given.then(decide) : decide(given);
}
