/** Requests as text: what is said, what is left out, and that a large one costs no more than a small one. */
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { AlertSubscriptionSchema } from "../../src/wire/gen/alerts_pb.ts";
import { MetricSubscriptionSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";
import { requestText, type TextBounds } from "../../src/wire/request-text.ts";

const WIDE: TextBounds = { text: 2_000, string: 500, items: 100, depth: 6 };

function textOf<D extends DescMessage>(schema: D, init: MessageInitShape<D>, bounds?: TextBounds): string {
  return requestText(schema, create(schema, init), bounds);
}

test("fields are there by their names, unless they say nothing", () => {
  expect(textOf(MetricSubscriptionSchema, {})).toBe("{}");
  const init = { metricNames: ["a", "b"], updateIntervalMs: 500, filters: { site: "berlin" } };
  expect(textOf(MetricSubscriptionSchema, init)).toBe(
    '{metric_names: ["a", "b"], update_interval_ms: 500, filters: {"site": "berlin"}}',
  );
  expect(requestText(MetricSubscriptionSchema, new Uint8Array(3))).toBe("");
});

test("long strings, lists and maps are cut where it is said that they are", () => {
  const metricNames = Array.from({ length: 200 }, (_, i) => `m${i}`);
  expect(textOf(MetricSubscriptionSchema, { metricNames })).toBe('{metric_names: ["m0", "m1", "m2", "m3", …]}');
  expect(textOf(MetricSubscriptionSchema, { metricNames }, WIDE)).toEndWith('"m99", …]}');
  expect(textOf(MetricSubscriptionSchema, { metricNames: ["x".repeat(90)] })).toBe(
    `{metric_names: ["${"x".repeat(80)}…"]}`,
  );
});

test("what is told in all has an end, and nothing beyond it is looked at", () => {
  let looked = 0;
  const points = new Proxy(Array.from({ length: 100_000 }), {
    get(target, at) {
      if (at === "length") return target.length;
      if (at === Symbol.iterator) return Array.prototype[Symbol.iterator];
      looked++;
      const tags = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, "v".repeat(400)]));
      return { $typeName: "analytics.DataPoint", id: "", metricName: "m", value: 1, tags };
    },
  });
  const text = requestText(BatchDataSchema, { $typeName: "analytics.BatchData", points, batchId: "b" }, WIDE);
  expect(text.length).toBeLessThanOrEqual(WIDE.text + 1);
  expect(text).toEndWith("…");
  expect(looked).toBeLessThan(4);
  const empty = { severities: Array.from({ length: 100 }, () => ""), sources: ["a"] };
  expect(textOf(AlertSubscriptionSchema, empty, { ...WIDE, text: 100 })).toHaveLength(101);
});

test("choices are told by their names", () => {
  const field = MetricSubscriptionSchema.fields.find((one) => one.fieldKind === "enum");
  if (field?.fieldKind !== "enum") throw new Error("MetricSubscription has no choice any more: wanted another message");
  const [, choice] = field.enum.values;
  const message = create(MetricSubscriptionSchema, { [field.localName]: choice.number });
  expect(requestText(MetricSubscriptionSchema, message)).toBe(`{${field.name}: ${choice.name}}`);
});
