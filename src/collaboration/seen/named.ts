/** What sessions, annotations and issues name: who sees all of it sees them, and what names nothing is seen by everybody. Pure. */
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { Session } from "../../wire/gen/collaboration_pb.ts";
import type { Issue } from "../../wire/gen/issues_pb.ts";
import type { SeriesSelector } from "../replay/about.ts";

/** Kinds of names that stand for one thing. */
type Plain = "alert" | "device" | "session" | "annotation";

export type Named =
  | { readonly kind: Plain; readonly name: string; readonly field: string }
  /** `isSpelledOut`: its alerts are named beside it. */
  | { readonly kind: "incident"; readonly name: string; readonly field: string; readonly isSpelledOut: boolean }
  | { readonly kind: "series"; readonly name: string; readonly field: string; readonly selector: SeriesSelector };

/** At once, where nothing has to be read for it. */
export type Answer = boolean | Promise<boolean>;
export type SeesName = (named: Named) => Answer;

export const SEES_EVERY_NAME: SeesName = () => true;

/** Alerts that the session of an incident names; there may have been others. */
const SPELLED_OUT_MAX = 100;

export function* namesOfSession({ topic }: Pick<Partial<Session>, "topic">, field = "topic"): Generator<Named, void> {
  const { alertIds = [], incidentIds = [], devices = [], metrics = [] } = topic ?? {};
  yield* plain("device", devices, `${field}.devices`);
  yield* plain("alert", alertIds, `${field}.alert_ids`);
  const isSpelledOut = alertIds.length > 0 && alertIds.length < SPELLED_OUT_MAX;
  for (const name of incidentIds) yield { kind: "incident", name, field: `${field}.incident_ids`, isSpelledOut };
  for (const metric of metrics) {
    yield { kind: "series", name: metric, field: `${field}.metrics`, selector: { metric } };
  }
}

/** Of what it is pinned to, and of the session that it was made in. */
export function* namesOfAnnotation({ pin, madeIn }: Pick<Annotation, "pin" | "madeIn">): Generator<Named, void> {
  const { metric = "", source = "", device = "", tags = {}, alertId = "", sessionId = "" } = pin ?? {};
  if (metric !== "" || source !== "" || Object.keys(tags).length > 0) {
    const selector = { ...(metric && { metric }), ...(source && { source }), ...(device && { device }), tags };
    const field = metric !== "" ? "pin.metric" : source !== "" ? "pin.source" : "pin.tags";
    yield { kind: "series", name: metric || source || JSON.stringify(tags), field, selector };
  } else if (device !== "") yield { kind: "device", name: device, field: "pin.device" };
  if (alertId !== "") yield { kind: "alert", name: alertId, field: "pin.alert_id" };
  for (const id of new Set([sessionId, madeIn])) {
    if (id !== "") yield { kind: "session", name: id, field: "pin.session_id" };
  }
}

export function* namesOfIssue({ links }: Pick<Partial<Issue>, "links">, field = "links"): Generator<Named, void> {
  yield* plain("device", links?.devices, `${field}.devices`);
  yield* plain("alert", links?.alertIds, `${field}.alert_ids`);
  yield* plain("session", links?.sessionIds, `${field}.session_ids`);
  yield* plain("annotation", links?.annotationIds, `${field}.annotation_ids`);
}

/** Whether it depends on what sessions and incidents are about, beside where things are. */
export function isOfTopics({ kind }: Named): boolean {
  return kind === "session" || kind === "annotation" || kind === "incident";
}

/** Equal for equal names. */
export function keyOf(named: Named): string {
  if (named.kind === "series") return `series ${JSON.stringify(named.selector)}`;
  const more = named.kind === "incident" ? String(named.isSpelledOut) : "";
  return `${named.kind}${more} ${named.name}`;
}

/** The first of them that is not seen. */
export function unseenOf(names: Iterable<Named>, sees: SeesName): Named | undefined | Promise<Named | undefined> {
  if (sees === SEES_EVERY_NAME) return undefined;
  const left = names[Symbol.iterator]();
  for (let next = left.next(); !next.done; next = left.next()) {
    const named = next.value;
    const answer = sees(named);
    if (answer instanceof Promise) return answer.then((isSeen) => (isSeen ? unseenOf(restOf(left), sees) : named));
    if (!answer) return named;
  }
  return undefined;
}

export function seesAll(names: Iterable<Named>, sees: SeesName): Answer {
  const unseen = unseenOf(names, sees);
  return unseen instanceof Promise ? unseen.then((named) => named === undefined) : unseen === undefined;
}

function* plain(kind: Plain, names: readonly string[] = [], field: string): Generator<Named, void> {
  for (const name of names) yield { kind, name, field };
}

function restOf<T>(left: Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: () => left };
}
