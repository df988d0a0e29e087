/** Spans from their begin until a collector has them. */
import { expect, test } from "bun:test";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { parseTraceParent } from "../../src/traces/trace-parent.ts";
import { SPANS_QUEUED_MAX, Tracer } from "../../src/traces/tracer.ts";
import { ManualClock } from "../support/manual-clock.ts";

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly object[];
  readonly status: object;
}

function tracerRig({ sample = 1, random = (): number => 0.5 } = {}) {
  const clock = new ManualClock(1_700_000_000_000);
  const metrics = createMetrics();
  const batches: SentSpan[][] = [];
  const troubles: string[] = [];
  const collector = { status: 200, isSilent: false };
  let ids = 0;
  const tracer = new Tracer({
    ...{ clock, metrics, sample, random, resource: { "service.name": "watchpost" } },
    newId: (bytes) => (++ids).toString(16).padStart(bytes * 2, "0"),
    send: async (body, signal) => {
      if (collector.isSilent) return new Promise((_, reject) => signal.addEventListener("abort", () => reject("late")));
      if (collector.status === 0) throw new Error("nobody answers");
      const [{ scopeSpans }] = (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] })
        .resourceSpans;
      if (collector.status === 200) batches.push(scopeSpans[0].spans);
      return collector.status;
    },
    onTrouble: (sentence) => troubles.push(sentence),
  });
  const settle = async (ms: number) => {
    clock.advance(ms);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  const counted = async (result: string) =>
    (await metrics.traceSpans.get()).values.find(({ labels }) => labels["result"] === result)?.value ?? 0;
  return { clock, tracer, batches, troubles, collector, settle, counted };
}

const PARENT = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

test("a call goes on with the trace of its caller, its parts with it, each with its own time", async () => {
  const { clock, tracer, batches, settle } = tracerRig();
  const call = tracer.server("analytics.Dashboard/QueryRange", PARENT)!;
  clock.advance(5);
  const part = call.child("store.range");
  part.set("watchpost.series", 3);
  clock.advance(10);
  part.end();
  call.set("enduser.id", "ann");
  call.end("it broke");
  await settle(2_000);
  const [[range, query]] = batches;
  expect(query).toMatchObject({ traceId: "a".repeat(32), parentSpanId: "b".repeat(16), kind: 2 });
  expect([query.startTimeUnixNano, query.endTimeUnixNano]).toEqual(["1700000000000000000", "1700000000015000000"]);
  expect(query.attributes).toEqual([{ key: "enduser.id", value: { stringValue: "ann" } }]);
  expect(query.status).toEqual({ code: 2, message: "it broke" });
  expect(range).toMatchObject({ traceId: query.traceId, parentSpanId: query.spanId, kind: 1, status: { code: 0 } });
  expect(range.startTimeUnixNano).toBe("1700000000005000000");
  expect(range.attributes).toEqual([{ key: "watchpost.series", value: { intValue: "3" } }]);
});

test("whether a trace is told of is decided where it begins: by its caller, or by the share that is sampled", () => {
  const chances = [0.09, 0.1, 0.5];
  const { tracer } = tracerRig({ sample: 0.1, random: () => chances.shift()! });
  expect([tracer.own("a"), tracer.own("b"), tracer.server("c", undefined)].map((span) => span !== undefined)).toEqual([
    true,
    false,
    false,
  ]);
  expect(tracer.server("d", PARENT)).toBeDefined();
  expect(tracer.server("e", PARENT.replace(/01$/, "00"))).toBeUndefined();
  const none = tracerRig({ sample: 0, random: () => 0 }).tracer;
  expect(none.own("f")).toBeUndefined();
});

test("while nobody takes them spans wait, as many as there is room for; the rest is counted", async () => {
  const { tracer, batches, troubles, collector, settle, counted } = tracerRig();
  collector.status = 0;
  for (let i = 0; i < SPANS_QUEUED_MAX + 7; i++) tracer.own("log.commit")!.end();
  expect([tracer.queued, await counted("dropped")]).toEqual([SPANS_QUEUED_MAX, 7]);
  await settle(2_000);
  expect([tracer.queued, troubles]).toEqual([SPANS_QUEUED_MAX, ["nobody answers"]]);
  collector.status = 503;
  await settle(5_000);
  expect([tracer.queued, troubles.at(-1)]).toEqual([SPANS_QUEUED_MAX, "the collector answered HTTP 503"]);
  collector.status = 200;
  await settle(5_000);
  for (let i = 0; i < 5; i++) await settle(2_000);
  expect([tracer.queued, batches.flat().length, await counted("sent")]).toEqual([
    0,
    SPANS_QUEUED_MAX,
    SPANS_QUEUED_MAX,
  ]);
  expect(new Set(batches.flat().map(({ spanId }) => spanId)).size).toBe(SPANS_QUEUED_MAX);
});

test("what a collector refuses is not sent again", async () => {
  const { tracer, collector, settle, counted } = tracerRig();
  collector.status = 400;
  tracer.own("log.commit")!.end();
  await settle(2_000);
  expect([tracer.queued, await counted("refused"), await counted("sent")]).toEqual([0, 1, 0]);
});

test("at the end what there is is sent, and what cannot be is counted", async () => {
  const { clock, tracer, batches, collector, counted } = tracerRig();
  tracer.own("log.commit")!.end();
  await tracer.close();
  expect([batches.flat().length, clock.timers]).toEqual([1, 0]);
  tracer.own("late")!.end();
  expect(await counted("dropped")).toBe(1);
  const other = tracerRig();
  other.collector.status = 0;
  other.tracer.own("log.commit")!.end();
  await other.tracer.close();
  expect([other.tracer.queued, await other.counted("dropped")]).toEqual([0, 1]);
  expect(collector.status).toBe(200);
});

test("a collector that does not answer holds up the end for two seconds", async () => {
  const { clock, tracer, collector, settle, counted } = tracerRig();
  collector.isSilent = true;
  tracer.own("log.commit")!.end();
  await settle(2_000);
  let isOver = false;
  const closed = tracer.close().then(() => (isOver = true));
  await settle(1_000);
  expect(isOver).toBe(false);
  await settle(1_000);
  await closed;
  expect([await counted("dropped"), clock.timers]).toEqual([1, 0]);
});

test.each([
  ["", undefined],
  ["00-x", undefined],
  [PARENT, true],
  [PARENT.replace(/01$/, "02"), false],
  [`${PARENT}-more`, undefined],
  [`01${PARENT.slice(2)}-more`, true],
  [`ff${PARENT.slice(2)}`, undefined],
  [PARENT.toUpperCase(), undefined],
  [PARENT.replaceAll("a", "0"), undefined],
  [PARENT.replaceAll("b", "0"), undefined],
])("traceparent %p: sampled is %p", (text, isSampled) => {
  expect(parseTraceParent(text)?.isSampled).toBe(isSampled as never);
});
