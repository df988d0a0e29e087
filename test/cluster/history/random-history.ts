/** Points that move between nodes at random, and questions about them. */
import type { Aggregation, Fill, RangeQuery, RangeResult, StepFunction, Top } from "../../../src/store/store-client.ts";
import { NOVEMBER_US } from "../../store/harness.ts";
import type { NodesRig, SeriesPoint } from "./nodes-rig.ts";

export const SECOND_US = 1_000_000;
export const SERIES = 7;
const HOURS = 1;
const FUNCTIONS: readonly StepFunction[] = [
  ...(["last", "first", "min", "max", "avg", "sum", "count", "stddev"] as const),
  ...(["rate", "increase", "delta", "p50", "p90", "p95", "p99"] as const),
];
const AGGREGATIONS: readonly Aggregation[] = ["avg", "min", "max", "sum", "count", "p50", "p95", "p99"];
const FILLS: readonly Fill[] = ["none", "null", "previous", "linear", "zero"];
const TOPS: readonly Top["by"][] = ["avg", "min", "max", "sum", "last", "first", "count"];

export type Random = () => number;

export function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)];
}

export function shuffled(random: Random): number[] {
  return Array.from({ length: SERIES }, (_, i) => ({ i, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ i }) => i);
}

/**
 * Writes that move from node to node, come twice, come late, and write again what another node has. `onMinute` is waited for before anything
 * is sealed.
 */
export async function fill(
  rig: NodesRig,
  random: Random,
  onMinute: () => Promise<void> | void = () => {},
): Promise<number> {
  const written: SeriesPoint[] = [];
  const homes = Array.from({ length: SERIES }, () => Math.floor(random() * rig.nodes.length));
  let records = 0;
  let value = 0;
  for (let minute = 0; minute < HOURS * 60; minute += 1 + Math.floor(random() * 5)) {
    for (let series = 0; series < SERIES; series++) {
      // The last two stay where they are.
      if (series < SERIES - 2 && random() < 0.1) homes[series] = Math.floor(random() * rig.nodes.length);
      if (random() < 0.3) continue;
      const points: SeriesPoint[] = [];
      for (let i = 0; i < 1 + random() * 12; i++) {
        const atS = minute * 60 + Math.floor(random() * 90);
        const times = new Set(points.map(([, timeUs]) => timeUs));
        const timeUs = NOVEMBER_US + atS * SECOND_US;
        if (!times.has(timeUs)) points.push([series, timeUs, Math.floor(random() * 1_000) + ++value / 1_024]);
      }
      rig.write(homes[series], points);
      written.push(...points);
      records++;
    }
    if (random() < 0.15) {
      // Other values for times that are there, wherever.
      const again = Array.from({ length: 5 }, () => pick(random, written));
      const points = [...new Map(again.map((point) => [`${point[0]} ${point[1]}`, point])).values()];
      const movable = points.filter(([series]) => series < SERIES - 2);
      if (movable.length > 0) {
        const rewritten = movable.map(([series, timeUs]): SeriesPoint => [series, timeUs, 2_000 + ++value / 1_024]);
        rig.write(Math.floor(random() * rig.nodes.length), rewritten);
        records++;
      }
    }
    await onMinute();
    for (const open of [rig.whole, ...rig.nodes.map((node) => node.open)]) {
      if (random() < 0.04) open.seal();
      if (random() < 0.02) open.compact();
    }
  }
  return records;
}

export function queryOf(random: Random, records: number): Omit<RangeQuery, "seriesIds"> {
  const stepUs = random() < 0.2 ? 0 : pick(random, [10, 60, 300, 1_200, 3_600, 86_400]) * SECOND_US;
  const isOpen = random() < 0.2;
  const from = Math.floor(random() * HOURS * 3_600);
  const to = from + 1 + Math.floor(random() * HOURS * 3_600);
  const isGrouped = stepUs > 0 && random() < 0.4;
  const groups = 3;
  return {
    fromUs: isOpen ? 0 : NOVEMBER_US + from * SECOND_US,
    toUs: isOpen ? 2 ** 53 - 1 : NOVEMBER_US + to * SECOND_US,
    stepUs,
    func: pick(random, FUNCTIONS),
    pointsMax: 1_000_000,
    // Of a range without ends a store fills as far as its blocks reach.
    ...(stepUs > 0 && !isOpen && { fill: pick(random, FILLS) }),
    ...(random() < 0.3 && { maxPoints: 3 + Math.floor(random() * 20) }),
    ...(random() < 0.2 && {
      top: { count: 1 + Math.floor(random() * 4), by: pick(random, TOPS), lowest: random() < 0.5 },
    }),
    ...(random() < 0.2 && { asOfS: NOVEMBER_US / 1e6 + Math.floor(random() * records) }),
    ...(isGrouped && {
      grouping: {
        groupOf: Uint32Array.from({ length: SERIES }, (_, i) => i % groups),
        ...{ groups, aggregation: pick(random, AGGREGATIONS) },
      },
    }),
  };
}

export function shown({ slots, offsets, timesUs, isDamaged, next }: RangeResult, values: readonly number[]) {
  return { slots: [...slots], offsets: [...offsets], timesUs: [...timesUs], values, isDamaged, next };
}

/** What is wanted, as it is given where sums in another order differ in their last bits. */
export function nearly(wanted: RangeResult, given: RangeResult): number[] {
  return Array.from(wanted.values, (value, i) => {
    const isNear = Math.abs(value - given.values[i]) <= 1e-9 * Math.max(1, Math.abs(value));
    return isNear ? given.values[i] : value;
  });
}
