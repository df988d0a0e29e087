/**
 * Threshold rules with `for` and `keep_firing_for` on random series, a sample or none at every step: the same alerts fire
 * at every step as in Debian's real `promtool test rules`, asked for ALERTS.
 */
import { expect } from "bun:test";
import { join } from "node:path";
import { program, testNeeding } from "../support/needs.ts";
import { randomOf } from "../support/random.ts";
import { tempDir } from "../support/server-process.ts";
import { rest } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const [RULES, STEPS, STEP_S] = [120, 80, 10];
const LIMIT = 80;
const DECIDED_MS = 2_500;

interface Case {
  readonly name: string;
  readonly holdS: number;
  readonly keepS: number;
  /** At each step; null: nothing comes. Never for longer than Prometheus looks back. */
  readonly values: readonly (number | null)[];
}

function caseOf(i: number, random: () => number): Case {
  const steps = (max: number) => Math.max(0, Math.floor(random() * (max + 2)) - 1) * STEP_S;
  const [holdS, keepS] = [steps(5), steps(5)];
  const [change, missing] = [0.05 + random() * 0.6, random() < 0.5 ? 0 : random() * 0.6];
  let isAbove = false;
  const values = Array.from({ length: STEPS }, (_, step) => {
    if (random() < change) isAbove = !isAbove;
    if (step > 0 && random() < missing) return null;
    return isAbove ? LIMIT + 1 + Math.floor(random() * 9) : LIMIT - Math.floor(random() * 9);
  });
  return { name: `r${i}`, holdS, keepS, values };
}

/** Names of the rules that fire, at each step; and how often each has fired in all. */
async function firingIn(cases: readonly Case[]): Promise<{ at: string[][]; fired: Map<string, number> }> {
  const rig = new AlertsRig();
  await rig.open();
  for (const { name, holdS, keepS } of cases) {
    const condition = { threshold: { above: LIMIT } };
    await rig.put({ name, metric: `m.${name}`, condition, for: `${holdS}s`, keep_firing_for: `${keepS}s` });
  }
  const at: string[][] = [];
  for (let step = 0; step < STEPS; step++) {
    if (step > 0) await rig.advance(STEP_S * 1_000 - DECIDED_MS);
    const points = cases.flatMap(({ name, values }) => {
      const value = values[step];
      return value === null ? [] : [{ metric: `m.${name}`, source: "s", value }];
    });
    if (points.length > 0) await rig.send(...points);
    // Prometheus judges at its steps alone; here what time decides waits a little for a sample of that time.
    await rig.advance(DECIDED_MS);
    await rest();
    at.push([...rig.alerts.book.active()].map(({ rule }) => rule).sort());
  }
  const fired = new Map<string, number>();
  for (const line of rig.transcript()) {
    const [, who, change] = line.split(" ");
    const name = who.slice(0, who.indexOf("/"));
    if (change === "fired") fired.set(name, (fired.get(name) ?? 0) + 1);
  }
  await rig.close();
  return { at, fired };
}

function filesOf(cases: readonly Case[], at: readonly (readonly string[])[]): { rules: object; tests: object } {
  const rules = cases.map(({ name, holdS, keepS }) => ({
    alert: name,
    expr: `m_${name} > ${LIMIT}`,
    for: `${holdS}s`,
    keep_firing_for: `${keepS}s`,
  }));
  const test = {
    interval: `${STEP_S}s`,
    input_series: cases.map(({ name, values }) => ({
      series: `m_${name}`,
      values: values.map((value) => value ?? "_").join(" "),
    })),
    promql_expr_test: at.map((names, step) => ({
      expr: 'ALERTS{alertstate="firing"}',
      eval_time: `${step * STEP_S}s`,
      exp_samples: names.map((name) => ({ labels: `ALERTS{alertname="${name}", alertstate="firing"}`, value: 1 })),
    })),
  };
  return {
    rules: { groups: [{ name: "all", interval: `${STEP_S}s`, rules }] },
    tests: { rule_files: ["rules.yml"], evaluation_interval: `${STEP_S}s`, tests: [test] },
  };
}

/** Of what promtool says when it fails: the first step at which each rule differs. */
function differencesIn(output: string, cases: readonly Case[]): string[] {
  const found = new Map<string, string>();
  const namesIn = (text: string) => [...text.matchAll(/alertname="(\w+)"/g)].map(([, name]) => name);
  const failed = /time: (\w+),\s+exp: ?(.*),?\s+got: ?(.*)/g;
  for (const [, time, here, there] of output.replaceAll("\\", "").matchAll(failed)) {
    const [ours, theirs] = [new Set(namesIn(here)), new Set(namesIn(there))];
    for (const name of ours.symmetricDifference(theirs)) {
      if (found.has(name)) continue;
      const { holdS, keepS, values } = cases.find((one) => one.name === name)!;
      const verdict = ours.has(name) ? "fires here alone" : "fires there alone";
      found.set(name, `at ${time} ${name} ${verdict}: for ${holdS}s, keep ${keepS}s, ${values.join()}`);
    }
  }
  return [...found.values()];
}

testNeeding([program("promtool")])(
  "the same alerts fire at every step as Prometheus says, each interval once",
  async () => {
    const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
    console.log(`promtool: seed ${seed}`);
    const random = randomOf(seed);
    const cases = Array.from({ length: RULES }, (_, i) => caseOf(i, random));
    const { at, fired } = await firingIn(cases);
    using dir = tempDir("promtool");
    const { rules, tests } = filesOf(cases, at);
    await Bun.write(join(dir.path, "rules.yml"), JSON.stringify(rules));
    await Bun.write(join(dir.path, "tests.yml"), JSON.stringify(tests));
    const run = Bun.spawn(["promtool", "test", "rules", "tests.yml"], {
      cwd: dir.path,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([run.stdout.text(), run.stderr.text()]);
    expect(differencesIn(out + err, cases)).toEqual([]);
    expect((out + err).trim()).toEndWith("SUCCESS");
    expect(await run.exited).toBe(0);
    for (const { name, holdS, keepS, values } of cases) {
      const intervals = at.filter((names, step) => names.includes(name) && !at[step - 1]?.includes(name)).length;
      const told = fired.get(name) ?? 0;
      expect({ name, holdS, keepS, values: values.join(), fired: told }).toEqual({
        name,
        holdS,
        keepS,
        values: values.join(),
        fired: intervals,
      });
    }
    expect(at.flat().length).toBeGreaterThan((RULES * STEPS) / 10);
  },
  120_000,
);
