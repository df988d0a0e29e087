/** All groups: which ones an alert is in, when one is to be looked at, and when one is no more. */
import { WakeQueue } from "../wake-queue.ts";
import type { ChangedDocuments } from "./changed-documents.ts";
import { Group, isKnown, keyOf, type StoredGroup } from "./group.ts";
import type { Labels } from "./label-matcher.ts";
import { groupLabelsOf, routesFor, targetsOf, type Route, type Target } from "./route.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

export interface GroupingDeps {
  readonly root: Route;
  readonly changed: ChangedDocuments;
  /** An alert is over, and all groups have done with it. */
  onDone(alert: TrackedAlert): void;
}

interface Place {
  readonly key: string;
  readonly target: Target;
  readonly labels: Labels;
}

export class Grouping {
  readonly #deps: GroupingDeps;
  readonly #targets: ReadonlyMap<string, Target>;
  readonly #byKey = new Map<string, Group>();
  readonly #queue = new WakeQueue<Group>();

  constructor(deps: GroupingDeps) {
    this.#deps = deps;
    this.#targets = targetsOf(deps.root);
  }

  /** When {@link take} next has a group; sometimes earlier than that. */
  get nextAtMs(): number {
    return this.#queue.nextAtMs;
  }

  get(key: string): Group | undefined {
    return this.#byKey.get(key);
  }

  all(): IterableIterator<Group> {
    return this.#byKey.values();
  }

  /**
   * Puts an alert into the groups that its labels lead to. One that it leaves forgets it, unless the receiver knows
   * of it: then it stays as one that has left.
   */
  place(alert: TrackedAlert, nowMs: number): void {
    const places = this.#placesOf(alert.facts.labels);
    for (const group of alert.groups) {
      if (!places.some(({ key }) => key === group.key)) this.#leave(group, alert);
    }
    for (const { key, target, labels } of places) {
      this.join(this.#byKey.get(key) ?? this.#open(new Group(target, labels, nowMs)), alert, 0);
    }
  }

  /** One that is in it, and may have left, is there again with what is known of it. */
  join(group: Group, alert: TrackedAlert, toldRank: number): void {
    const member = group.members.get(alert.id);
    if (member === undefined) {
      group.members.set(alert.id, { alert, toldRank, hasLeft: false });
      alert.groups = [...alert.groups, group];
    } else {
      member.hasLeft = false;
    }
  }

  /** Takes an alert out of a group. */
  drop(group: Group, alert: TrackedAlert): void {
    const { changed, onDone } = this.#deps;
    const toldRank = group.members.get(alert.id)?.toldRank ?? 0;
    if (toldRank > 0) changed.mark("told", group.key);
    group.members.delete(alert.id);
    alert.groups = alert.groups.filter((each) => each !== group);
    this.closeIfEmpty(group);
    if (isFiring(alert)) return;
    // Its document names the groups that it is still in.
    changed.mark("alert", alert.id);
    if (alert.groups.length === 0) onDone(alert);
  }

  /** After a change of the group: makes sure that it comes up when it is due, and is written down. */
  schedule(group: Group, nowMs: number): void {
    if (group.isGone) return;
    this.#deps.changed.mark("group", group.key);
    this.#queue.schedule(group, nowMs);
  }

  /** The same where nothing is to be written down. */
  enqueue(group: Group, nowMs: number): void {
    if (!group.isGone) this.#queue.schedule(group, nowMs);
  }

  /** The next group that is due; {@link schedule} it afterwards. */
  take(nowMs: number): Group | undefined {
    for (;;) {
      const group = this.#queue.take(nowMs);
      if (group === undefined || !group.isGone) return group;
    }
  }

  closeIfEmpty(group: Group): void {
    if (group.members.size > 0 || group.inFlight !== undefined || group.isGone) return;
    group.isGone = true;
    this.#byKey.delete(group.key);
    this.#deps.changed.mark("group", group.key);
    this.#deps.changed.mark("told", group.key);
  }

  /** Undefined where the configuration has no such place any more. */
  restore(key: string, stored: StoredGroup): Group | undefined {
    const target = this.#targets.get(stored.target);
    if (target === undefined || keyOf(target, stored.labels) !== key) return undefined;
    return this.#open(Group.restore(target, stored));
  }

  #open(group: Group): Group {
    this.#byKey.set(group.key, group);
    return group;
  }

  #placesOf(labels: Labels): Place[] {
    return routesFor(this.#deps.root, labels).flatMap((route) => {
      const groupLabels = groupLabelsOf(route, labels);
      return route.targets.map((target) => ({ key: keyOf(target, groupLabels), target, labels: groupLabels }));
    });
  }

  #leave(group: Group, alert: TrackedAlert): void {
    const member = group.members.get(alert.id)!;
    if (isKnown(group, member)) member.hasLeft = true;
    else this.drop(group, alert);
  }
}
