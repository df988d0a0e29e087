/** Random lives of incidents: the same as a plain model says, with restarts too, and what always holds. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Action } from "../../../src/alerts/escalation/escalation-action.ts";
import { escalationConfigOf } from "../../../src/alerts/escalation/escalation-config-input.ts";
import type { EscalationConfig } from "../../../src/alerts/escalation/escalation-config.ts";
import { SEVERITIES, type Severity } from "../../../src/alerts/severity.ts";
import { NaiveModel } from "./naive-model.ts";
import { Rig } from "./rig.ts";
import { actionText, makeFacts } from "./timeline.ts";

const RUNS = 300;
const MINUTE_MS = 60_000;
const RECEIVERS = ["ops", "lead", "head"];
const WAITS = [0, 0, 1, 2, 5, 10, 14, 15, 20, 30, 45, 60, 130, 400];

const config = escalationConfigOf(
  {
    escalations: [
      {
        name: "a",
        steps: [
          { after: "0s", notify: "ops" },
          { after: "10m", notify: ["lead", "ops"], raise_severity: "high" },
          { after: "25m", notify: "head", raise_severity: "critical" },
        ],
        repeat: 2,
        repeat_after: "15m",
        ack_timeout: "45m",
      },
      {
        name: "b",
        steps: [
          { after: "5m", notify: "lead" },
          { after: "5m", notify: "head" },
        ],
        repeat_after: "20m",
      },
      {
        name: "c",
        steps: [{ after: "15m", notify: ["ops", "head"] }],
        repeat: 5,
        repeat_after: "1m",
        ack_timeout: "5m",
      },
    ],
  },
  { receivers: RECEIVERS, repeatIntervalMs: 60 * MINUTE_MS },
);

interface Life {
  readonly waitMinutes: number;
  readonly act: "put" | "resolve" | "acknowledge" | "open" | "mute" | "heard" | "severity" | "fails";
  readonly slot: number;
  readonly incidentId: string;
  readonly policy: string;
  readonly severity: Severity;
  readonly receiver: string;
}

const anyLives = livesOf("put", "put", "resolve", "acknowledge", "open", "mute", "heard", "severity", "fails");

function livesOf(...acts: Life["act"][]): fc.Arbitrary<Life[]> {
  const life = fc.record<Life>({
    waitMinutes: fc.constantFrom(...WAITS),
    act: fc.constantFrom(...acts),
    slot: fc.nat(4),
    incidentId: fc.constantFrom("i", "i", "j"),
    policy: fc.constantFrom("a", "a", "b", "c", "none"),
    severity: fc.constantFrom(...SEVERITIES),
    receiver: fc.constantFrom(...RECEIVERS),
  });
  return fc.array(life, { minLength: 1, maxLength: 30 });
}

interface Watcher {
  onAction?(action: Action, atMs: number, model: NaiveModel): void;
  onLife?(life: Life): void;
}

interface Played {
  readonly said: string[];
  readonly expected: string[];
}

function play(
  given: EscalationConfig,
  lives: readonly Life[],
  watcher: Watcher,
  restartsAfterEveryStep = false,
): Played {
  const model = new NaiveModel(given);
  const said: string[] = [];
  const expected: string[] = [];
  let actions: Action[] = [];
  const rig = new Rig({
    config: given,
    restartsAfterEveryStep,
    onAction: (action, atMs) => {
      actions.push(action);
      said.push(`${atMs / MINUTE_MS} ${actionText(action)}`);
    },
  });
  const hold = (minute: number, wanted: readonly Action[]) => {
    for (const action of actions) watcher.onAction?.(action, minute * MINUTE_MS, model);
    actions = [];
    expected.push(...wanted.map((action) => `${minute} ${actionText(action)}`));
  };
  let minute = 0;
  const goOn = (minutes: number) => {
    for (const endMinute = minute + minutes; minute < endMinute;) {
      minute++;
      rig.goTo(minute * MINUTE_MS);
      hold(minute, model.tick());
    }
  };
  let count = 0;
  const ids = new Map<number, string>();
  for (const life of lives) {
    goOn(life.waitMinutes);
    watcher.onLife?.(life);
    const nowMs = rig.wallMs;
    const isNew = life.act === "put" && !ids.has(life.slot);
    if (isNew) ids.set(life.slot, `x${++count}`);
    const id = ids.get(life.slot);
    if (id === undefined) continue;
    const { incidentId, policy, severity, receiver } = life;
    if (life.act === "fails") {
      rig.fails(receiver, [id]);
      hold(minute, model.fails(receiver, [id]));
      continue;
    }
    const before = rig.alerts.get(id) ?? makeFacts({ id, incidentId, policy, severity });
    const facts = { ...before, ...changeOf(life.act, severity, nowMs) };
    if (life.act === "resolve") ids.delete(life.slot);
    rig.put(facts);
    hold(minute, model.put(facts, nowMs));
  }
  goOn(90);
  return { said, expected };
}

function changeOf(act: Life["act"], severity: Severity, nowMs: number): Partial<ReturnType<typeof makeFacts>> {
  switch (act) {
    case "resolve":
      return { isFiring: false };
    case "acknowledge":
      return { isAcknowledged: true, ackAtMs: nowMs };
    case "open":
      return { isAcknowledged: false, ackAtMs: null };
    case "mute":
      return { isMuted: true };
    case "heard":
      return { isMuted: false };
    case "severity":
      return { severity };
    default:
      return {};
  }
}

test("it does what a plain model says, minute for minute", () => {
  const property = fc.property(anyLives, (lives) => {
    const { said, expected } = play(config, lives, {});
    expect(said).toEqual(expected);
  });
  fc.assert(property, { numRuns: RUNS });
});

test("a restart after every step changes nothing", () => {
  const property = fc.property(anyLives, (lives) => {
    expect(play(config, lives, {}, true).said).toEqual(play(config, lives, {}).said);
  });
  fc.assert(property, { numRuns: RUNS });
});

test("nobody is told of what is acknowledged, muted or over", () => {
  const property = fc.property(anyLives, (lives) => {
    play(config, lives, {
      onAction({ alertIds }, _atMs, model) {
        expect(alertIds.length).toBeGreaterThan(0);
        expect(alertIds.filter((id) => !model.isOpen(id))).toEqual([]);
      },
    });
  });
  fc.assert(property, { numRuns: RUNS });
});

test("while nothing happens each step comes once in a loop, loops are bounded, and that they are over is said once", () => {
  const policies = config.policies.map((policy) => ({ ...policy, ackTimeoutMs: undefined }));
  const property = fc.property(anyLives, (lives) => {
    const places = new Map<string, number>();
    const exhausted = new Set<string>();
    play({ ...config, policies }, lives, {
      onLife() {
        places.clear();
        exhausted.clear();
      },
      onAction(action) {
        const { incidentId } = action;
        if (action.kind === "exhausted") {
          expect(exhausted.has(incidentId)).toBe(false);
          exhausted.add(incidentId);
        }
        if (action.kind !== "notify") return;
        const place = action.loop * 100 + action.step;
        expect(action.loop).toBeLessThanOrEqual(6);
        expect(action.isReminder || !exhausted.has(incidentId)).toBe(true);
        if (!action.isReminder) expect(place).toBeGreaterThan(places.get(incidentId) ?? 0);
        places.set(incidentId, place);
      },
    });
  });
  fc.assert(property, { numRuns: RUNS });
});

test("clocks that are set back lose nothing: what is open is told of within its first step", () => {
  const property = fc.property(
    fc.array(fc.tuple(fc.constantFrom(...WAITS), fc.integer({ min: -300, max: 5 }))),
    (steps) => {
      const told: number[] = [];
      const rig = new Rig({ config, onAction: (action) => action.kind === "notify" && void told.push(action.step) });
      rig.put(makeFacts({ id: "x", policy: "b" }));
      for (const [waitMinutes, byMinutes] of steps) {
        rig.goTo(rig.elapsedMs + waitMinutes * MINUTE_MS);
        rig.setClock(byMinutes * MINUTE_MS);
      }
      rig.goTo(rig.elapsedMs + 5 * MINUTE_MS);
      expect(told.slice(0, 2)).toEqual([1, 2]);
    },
  );
  fc.assert(property, { numRuns: RUNS });
});
