/** Random levels at random times, against models that look at everything that was so far, at every step. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Lifecycle, type LifecycleChange, type Phase, type Timing } from "../../src/alerts/lifecycle.ts";

interface Step {
  readonly timeUs: number;
  readonly level: number;
}

/** One alert as Prometheus' `rules/alerting.go` keeps it, from one evaluation to the next. */
class PrometheusAlert {
  state: "inactive" | "pending" | "firing" = "inactive";
  #activeAt = NaN;
  #keepFiringSince = NaN;

  eval({ timeUs, level }: Step, { holdUs, keepFiringUs }: Timing): void {
    if (level > 0) {
      if (this.state === "inactive") {
        this.state = "pending";
        this.#activeAt = timeUs;
      }
      this.#keepFiringSince = NaN;
    } else {
      let keepFiring = false;
      if (this.state === "firing" && keepFiringUs > 0) {
        if (Number.isNaN(this.#keepFiringSince)) this.#keepFiringSince = timeUs;
        keepFiring = timeUs - this.#keepFiringSince < keepFiringUs;
      }
      if (!keepFiring) this.state = "inactive";
      return;
    }
    if (this.state === "pending" && timeUs - this.#activeAt >= holdUs) this.state = "firing";
  }
}

/** What a ladder shows: the highest level that held for the hold, or the lower one it has fallen to. */
class LadderModel {
  readonly #steps: Step[] = [];
  shown = 0;
  #zeroSinceUs = NaN;

  take(step: Step, timing: Timing): void {
    this.#steps.push(step);
    const earned = this.#earned(step.timeUs, timing.holdUs);
    if (step.level > 0) {
      this.#zeroSinceUs = NaN;
      this.shown = Math.max(earned, Math.min(this.shown, step.level));
      return;
    }
    if (Number.isNaN(this.#zeroSinceUs)) this.#zeroSinceUs = step.timeUs;
    if (step.timeUs - this.#zeroSinceUs >= timing.keepFiringUs) this.shown = 0;
  }

  /** Levels of an unbroken run of samples up to now that began long enough ago. */
  #earned(nowUs: number, holdUs: number): number {
    let earned = 0;
    let lowest = Infinity;
    for (const { timeUs, level } of this.#steps.toReversed()) {
      lowest = Math.min(lowest, level);
      if (nowUs - timeUs >= holdUs) earned = Math.max(earned, lowest);
    }
    return earned;
  }
}

const duration = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 60 }));
const timings = fc.record({ holdUs: duration, keepFiringUs: duration });

function stepsUpTo(levelMax: number): fc.Arbitrary<Step[]> {
  return fc
    .array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: levelMax })), {
      maxLength: 60,
      size: "max",
    })
    .map((pairs) => {
      let timeUs = 1_000;
      return pairs.map(([gapUs, level]) => ({ timeUs: (timeUs += gapUs), level }));
    });
}

const STATE: Readonly<Record<Phase, PrometheusAlert["state"]>> = {
  quiet: "inactive",
  pending: "pending",
  firing: "firing",
  keeping: "firing",
};

/** What a listener has to hear for the phase to go from one to another. */
const TOLD: Readonly<Record<string, readonly (LifecycleChange | null)[]>> = {
  "quiet quiet": [null],
  "quiet pending": ["pending"],
  "quiet firing": ["fired"],
  "pending pending": [null, "moved"],
  "pending quiet": ["cancelled"],
  "pending firing": ["fired"],
  "firing firing": [null, "moved", "rose", "fell"],
  "firing keeping": ["keeping"],
  "firing quiet": ["cleared"],
  "keeping keeping": [null],
  "keeping firing": ["resumed", "rose", "fell"],
  "keeping quiet": ["cleared"],
};

test("with one level it is Prometheus' state machine", () => {
  fc.assert(
    fc.property(timings, stepsUpTo(1), (timing, steps) => {
      const [lifecycle, model] = [new Lifecycle(), new PrometheusAlert()];
      for (const step of steps) {
        lifecycle.step(step.level, step.timeUs, timing);
        model.eval(step, timing);
        expect(STATE[lifecycle.phase]).toBe(model.state);
      }
    }),
    { numRuns: 1_000 },
  );
});

describe("a ladder", () => {
  test("shows the highest step that held, and falls at once", () => {
    fc.assert(
      fc.property(timings, stepsUpTo(4), (timing, steps) => {
        const [lifecycle, model] = [new Lifecycle(), new LadderModel()];
        for (const step of steps) {
          lifecycle.step(step.level, step.timeUs, timing);
          model.take(step, timing);
          expect([step.timeUs, lifecycle.shown]).toEqual([step.timeUs, model.shown]);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("tells every change of its phase and of what it shows, once, and none that is not", () => {
    fc.assert(
      fc.property(timings, stepsUpTo(4), (timing, steps) => {
        const lifecycle = new Lifecycle();
        for (const { level, timeUs } of steps) {
          const { phase: before, shown: was } = lifecycle;
          const told = lifecycle.step(level, timeUs, timing);
          const { phase, shown } = lifecycle;
          expect(TOLD[`${before} ${phase}`]).toContain(told);
          const isUp = before === "firing" || before === "keeping";
          const moved = !isUp || phase === "quiet" || phase === "keeping" || shown === was ? null : shown > was;
          expect(told === "rose" ? true : told === "fell" ? false : null).toBe(moved);
          expect(shown > 0).toBe(phase === "firing" || phase === "keeping");
          expect(lifecycle.level).toBe(level);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("is due exactly when time alone changes it", () => {
    fc.assert(
      fc.property(timings, stepsUpTo(4), (timing, steps) => {
        const lifecycle = new Lifecycle();
        for (const { level, timeUs } of steps) {
          lifecycle.step(level, timeUs, timing);
          const dueUs = lifecycle.dueUs(timing);
          const stepped = (atUs: number) => copyOf(lifecycle).step(level, atUs, timing);
          if (lifecycle.isSettled) expect(dueUs).toBe(Infinity);
          if (dueUs === Infinity) expect(stepped(timeUs + 1e9)).toBeNull();
          else {
            expect(dueUs).toBeGreaterThan(timeUs);
            expect(stepped(dueUs - 1)).toBeNull();
            expect(["fired", "rose", "cleared"]).toContain(stepped(dueUs)!);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("goes on where it was written down", () => {
    fc.assert(
      fc.property(
        timings,
        stepsUpTo(4),
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        (timing, steps, saved) => {
          const lifecycle = new Lifecycle();
          let other = new Lifecycle();
          for (const [i, { level, timeUs }] of steps.entries()) {
            if (saved[i]) other = copyOf(other);
            expect(other.step(level, timeUs, timing)).toBe(lifecycle.step(level, timeUs, timing));
            expect(other.save()).toEqual(lifecycle.save());
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

test("after a reset everything must hold anew", () => {
  fc.assert(
    fc.property(timings, stepsUpTo(3), stepsUpTo(3), (timing, before, after) => {
      const [lifecycle, fresh] = [new Lifecycle(), new Lifecycle()];
      for (const { level, timeUs } of before) lifecycle.step(level, timeUs, timing);
      lifecycle.reset();
      const laterUs = before.at(-1)?.timeUs ?? 0;
      for (const { level, timeUs } of after) {
        const told = lifecycle.step(level, laterUs + timeUs, timing);
        expect(told).toBe(fresh.step(level, laterUs + timeUs, timing));
      }
    }),
    { numRuns: 300 },
  );
});

function copyOf(lifecycle: Lifecycle): Lifecycle {
  const copy = new Lifecycle();
  copy.restore(JSON.parse(JSON.stringify(lifecycle.save())));
  return copy;
}
