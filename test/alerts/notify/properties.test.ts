/** Random lives: what always holds, whatever happens in which order. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { AlertFacts } from "../../../src/alerts/notify/alert-facts.ts";
import type { Delivery } from "../../../src/alerts/notify/delivery.ts";
import type { NotifyConfig } from "../../../src/alerts/notify/notify-config.ts";
import { compileRoutes, routesFor } from "../../../src/alerts/notify/route.ts";
import { CONFIGS, INTERVAL_MS, livesOf, Model, parentsOf, REPEAT_MS, WAIT_MS, type Life } from "./random-life.ts";
import { Rig } from "./rig.ts";
import { deliveryText } from "./timeline.ts";

const RUNS = 300;
const anyConfig = fc.constantFrom(...CONFIGS);
const acts = ["fire", "fire", "fire", "resolve", "severity", "acknowledge", "window", "silence", "expire"] as const;
const anyLife = livesOf(...acts);

interface Sent {
  readonly atMs: number;
  readonly delivery: Delivery;
}

interface Watcher {
  onDelivery?(sent: Sent, model: Model): void;
  onStep?(model: Model, rig: Rig): void;
}

/** In steps that are short next to the waits, so that `onStep` sees what lies between the events. */
function play(config: NotifyConfig, lives: readonly Life[], watcher: Watcher, restartsAfterEveryStep = false): Sent[] {
  const model = new Model();
  const sent: Sent[] = [];
  const rig = new Rig({
    config,
    parentsOf,
    restartsAfterEveryStep,
    onDelivery: (delivery, atMs) => {
      sent.push({ atMs, delivery });
      watcher.onDelivery?.({ atMs: rig.wallMs, delivery }, model);
    },
  });
  const goOn = (waitMs: number) => {
    const endMs = rig.elapsedMs + waitMs;
    while (rig.elapsedMs < endMs) {
      rig.goTo(Math.min(endMs, rig.elapsedMs + 10_000));
      watcher.onStep?.(model, rig);
    }
  };
  for (const life of lives) {
    goOn(life.waitMs);
    model.live(life, rig);
    watcher.onStep?.(model, rig);
  }
  goOn(WAIT_MS + 2 * INTERVAL_MS);
  return sent;
}

const firingIn = ({ notification }: Delivery) => notification.alerts.filter(({ status }) => status === "firing");
const placeOf = ({ receiver, route, groupKey }: Delivery) => `${receiver} ${route} ${groupKey}`;

test("a notification has all alerts of its group that fire and are not held back, as they are, and no others", () => {
  const property = fc.property(anyConfig, anyLife, (config, lives) => {
    const root = compileRoutes(config);
    play(config, lives, {
      onDelivery({ atMs, delivery }, model) {
        const isHere = (alert: AlertFacts) =>
          routesFor(root, alert.labels).some(({ key }) => key === delivery.route) &&
          Object.entries(delivery.notification.groupLabels).every(([name, value]) => alert.labels[name] === value);
        const expected = model.firing().filter((alert) => isHere(alert) && !model.isHeldBack(alert, atMs));
        expect(
          firingIn(delivery)
            .map(({ id, severity }) => `${id} ${severity}`)
            .sort(),
        ).toEqual(expected.map(({ id, severity }) => `${id} ${severity}`).sort());
      },
    });
  });
  fc.assert(property, { numRuns: RUNS });
});

test("nothing is said twice before the repeat interval, nothing new but criticals before the group's, no end twice", () => {
  const property = fc.property(anyConfig, anyLife, (config, lives) => {
    const grave = new Set<string>();
    const noteGrave = (model: Model) => {
      for (const { id, severity } of model.firing()) if (severity === "critical") grave.add(id);
    };
    const byPlace = Map.groupBy(play(config, lives, { onStep: noteGrave }), ({ delivery }) => placeOf(delivery));
    for (const sent of byPlace.values()) {
      const ended = new Set<string>();
      sent.forEach(({ atMs, delivery }, i) => {
        for (const { id, status } of delivery.notification.alerts) {
          if (status === "firing") continue;
          expect([id, ended.has(id)]).toEqual([id, false]);
          ended.add(id);
        }
        if (i === 0) return;
        const before = sent[i - 1];
        const known = new Map(firingIn(before.delivery).map(({ id, severity }) => [id, severity]));
        const { reason } = delivery;
        if (reason === "repeat") expect(atMs - before.atMs).toBeGreaterThanOrEqual(REPEAT_MS);
        const isGrave = firingIn(delivery).some(({ id }) => grave.has(id) && known.get(id) !== "critical");
        if (!isGrave)
          expect([reason, atMs - before.atMs >= INTERVAL_MS || isNewGroup(before.delivery)]).toEqual([reason, true]);
      });
    }
  });
  fc.assert(property, { numRuns: RUNS });
});

/** What follows the end of all alerts of a group is a new one. */
function isNewGroup({ notification }: Delivery): boolean {
  return notification.status === "resolved";
}

test("what fires and is not held back is heard of within the group's wait and interval, critical ones at once", () => {
  const property = fc.property(anyConfig, anyLife, (config, lives) => {
    const root = compileRoutes(config);
    const told = new Set<string>();
    const openSince = new Map<string, number>();
    const inhibited = new Set<string>();
    play(config, lives, {
      onDelivery({ delivery }) {
        for (const { id } of firingIn(delivery)) told.add(`${id} ${delivery.receiver}`);
      },
      onStep(model, rig) {
        for (const alert of model.firing()) {
          const key = `${alert.id} ${alert.severity}`;
          if (model.isHeldBack(alert, rig.wallMs)) {
            openSince.delete(key);
            inhibited.add(key);
            continue;
          }
          if (!openSince.has(key)) openSince.set(key, rig.elapsedMs);
          const openMs = rig.elapsedMs - openSince.get(key)!;
          const isAtOnce = alert.severity === "critical" && !inhibited.has(key);
          if (openMs <= (isAtOnce ? 31_000 : WAIT_MS + INTERVAL_MS)) continue;
          for (const { config: route } of routesFor(root, alert.labels)) {
            expect([key, told.has(`${alert.id} ${route.receiver}`)]).toEqual([key, true]);
          }
        }
      },
    });
  });
  fc.assert(property, { numRuns: RUNS });
});

test("a restart after every step changes nothing that is sent", () => {
  const property = fc.property(anyConfig, livesOf(...acts, "receiver"), (config, lives) => {
    expect(textOf(play(config, lives, {}, true))).toEqual(textOf(play(config, lives, {})));
  });
  fc.assert(property, { numRuns: RUNS });
});

test("a clock that goes back loses and repeats nothing", () => {
  const lives = livesOf("fire", "fire", "resolve", "severity", "clock", "clock");
  const property = fc.property(anyConfig, lives, (config, given) => {
    const told = new Set<string>();
    const byPlace = Map.groupBy(
      play(config, [...given, ...calm()], {
        onDelivery: ({ delivery }) => firingIn(delivery).forEach(({ id }) => told.add(id)),
        onStep: (model, rig) => void (last = { model, rig }),
      }),
      ({ delivery }) => placeOf(delivery),
    );
    for (const sent of byPlace.values()) {
      sent.slice(1).forEach(({ atMs, delivery }, i) => {
        if (delivery.reason === "repeat") expect(atMs - sent[i].atMs).toBeGreaterThanOrEqual(REPEAT_MS);
      });
    }
    const unheard = last!.model.firing().filter((alert) => !last!.model.isHeldBack(alert, last!.rig.wallMs));
    expect(unheard.map(({ id }) => id).filter((id) => !told.has(id))).toEqual([]);
  });
  let last: { model: Model; rig: Rig } | undefined;
  fc.assert(property, { numRuns: RUNS });
});

/** Time for all that waits, whatever the clock did. */
function calm(): Life[] {
  const [life] = fc.sample(livesOf("expire"), { numRuns: 1, seed: 1 })[0];
  return [{ ...life, act: "expire", waitMs: 2 * (WAIT_MS + INTERVAL_MS) }];
}

function textOf(sent: readonly Sent[]): string[] {
  return sent.map(({ atMs, delivery }) => `${atMs} ${deliveryText(delivery)}`);
}
