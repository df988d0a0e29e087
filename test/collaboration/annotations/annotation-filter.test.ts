/** What a chart shows, and which annotations a reader means. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { compileAnnotationFilter } from "../../../src/collaboration/annotations/annotation-filter.ts";
import {
  AnnotationFilterSchema,
  AnnotationSchema,
  type AnnotationPinSchema,
} from "../../../src/wire/gen/annotations_pb.ts";

type Pin = MessageInitShape<typeof AnnotationPinSchema>;
type Filter = MessageInitShape<typeof AnnotationFilterSchema>;

function matcher(filter: Filter) {
  return compileAnnotationFilter(create(AnnotationFilterSchema, filter));
}

const PINS: Readonly<Record<string, Pin>> = {
  temperature: { metric: "temperature" },
  pressure: { metric: "pressure" },
  "temperature of pump-1": { metric: "temperature", device: "pump-1" },
  "temperature of pump-2": { metric: "temperature", device: "pump-2" },
  "temperature in the north": { metric: "temperature", tags: { site: "north" } },
  "pump-1": { device: "pump-1" },
  "pump-2": { device: "pump-2" },
  gateway: { source: "gw-1" },
  "pump-1 by the gateway": { source: "gw-1", device: "pump-1" },
  "the north": { tags: { site: "north" } },
  alert: { alertId: "a1" },
  session: { sessionId: "s1" },
  "pump-1 and the alert": { device: "pump-1", alertId: "a1" },
};

/** Names of the pins that are on a chart. */
function shown(filter: Filter): string[] {
  const { takes } = matcher(filter);
  return Object.keys(PINS).filter((name) => takes(create(AnnotationSchema, { pin: PINS[name] })));
}

const OF_TEMPERATURE = ["temperature", "temperature of pump-1", "temperature of pump-2", "temperature in the north"];

test("a chart of a metric: what is pinned to it, of whichever device, and nothing of devices alone", () => {
  expect(shown({ metric: "temperature" })).toEqual(OF_TEMPERATURE);
  expect(shown({ metric: "humidity" })).toEqual([]);
});

test("globs and alternatives", () => {
  expect(shown({ metric: "temp*" })).toEqual(OF_TEMPERATURE);
  expect(shown({ metric: "pressure|humidity" })).toEqual(["pressure"]);
  expect(shown({ metric: "*" })).toEqual(["temperature", "pressure", ...OF_TEMPERATURE.slice(1)]);
  expect(shown({ device: "pump-?", metric: "pressure" })).toEqual([
    "pressure",
    "pump-1",
    "pump-2",
    "pump-1 by the gateway",
    "pump-1 and the alert",
  ]);
});

test("a chart of a metric of a device: of both, of either alone, and of no other device", () => {
  expect(shown({ metric: "temperature", device: "pump-1" })).toEqual([
    "temperature",
    "temperature of pump-1",
    "temperature in the north",
    "pump-1",
    "pump-1 by the gateway",
    "pump-1 and the alert",
  ]);
});

test("a chart of a device, of a source, of a tag", () => {
  expect(shown({ device: "pump-2" })).toEqual(["temperature of pump-2", "pump-2"]);
  expect(shown({ source: "gw-1" })).toEqual(["gateway", "pump-1 by the gateway"]);
  expect(shown({ source: "gw-1", device: "pump-2" })).toEqual(["temperature of pump-2", "pump-2", "gateway"]);
  expect(shown({ seriesTags: { site: "north" } })).toEqual(["temperature in the north", "the north"]);
  expect(shown({ metric: "temperature", seriesTags: { site: "south" } })).toEqual(OF_TEMPERATURE.slice(0, 3));
  expect(shown({ seriesTags: { device: "pump-2" } })).toEqual(["temperature of pump-2", "pump-2"]);
  expect(shown({ seriesTags: { constructor: "x" } })).toEqual([]);
});

test("a chart of one series: nothing whose pin names more than the series has", () => {
  const series = { metric: "temperature", source: "gw-1", oneSeries: true };
  expect(shown({ ...series, device: "pump-1", seriesTags: { device: "pump-1" } })).toEqual([
    "temperature",
    "temperature of pump-1",
    "pump-1",
    "gateway",
    "pump-1 by the gateway",
    "pump-1 and the alert",
  ]);
  expect(shown({ ...series, device: "pump-1", seriesTags: { site: "north" } })).toContain("the north");
  expect(shown(series)).toEqual(["temperature", "gateway"]);
  const odd = matcher({ metric: "m", device: "a|*", oneSeries: true });
  expect(odd.takes(create(AnnotationSchema, { pin: { device: "a|*" } }))).toBe(true);
  expect(odd.takes(create(AnnotationSchema, { pin: { device: "a" } }))).toBe(false);
  const own = matcher({ metric: "load", source: "pump-2", oneSeries: true });
  expect(own.takes(create(AnnotationSchema, { pin: { device: "pump-2" } }))).toBe(true);
});

test("alerts and sessions; everything that is given must hold", () => {
  expect(shown({ alertId: "a1" })).toEqual(["alert", "pump-1 and the alert"]);
  expect(shown({ alertId: "a1", device: "pump-1" })).toEqual(["pump-1 and the alert"]);
  expect(shown({ sessionId: "s1" })).toEqual(["session"]);
  expect(shown({})).toEqual(Object.keys(PINS));
  const made = create(AnnotationSchema, { pin: { metric: "m" }, madeIn: "s1" });
  expect(matcher({ sessionId: "s1" }).takes(made)).toBe(true);
  expect(matcher({ sessionId: "s2" }).takes(made)).toBe(false);
});

test("tags, author and text: an edit may change whether they hold, not whether they may", () => {
  const annotation = create(AnnotationSchema, {
    pin: { metric: "m" },
    author: "ann",
    tags: ["works", "planned"],
    text: "Größe: NEW bearing",
  });
  const holds = (filter: Filter) => [matcher(filter).takes(annotation), matcher(filter).mayTake(annotation)];
  expect(holds({ tags: ["other", "works"] })).toEqual([true, true]);
  expect(holds({ tags: ["other"] })).toEqual([false, true]);
  expect(holds({ text: "new BEARING" })).toEqual([true, true]);
  expect(holds({ text: "gröSSe" })).toEqual([false, true]);
  expect(holds({ text: "GRÖßE" })).toEqual([true, true]);
  expect(holds({ author: "ann" })).toEqual([true, true]);
  expect(holds({ author: "bob" })).toEqual([false, false]);
  expect(holds({ metric: "n" })).toEqual([false, false]);
});

test("what is out of bounds is refused by name", () => {
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`t${i}`, "x"]));
  expect(() => matcher({ metric: "x".repeat(1_025) })).toThrow("filter.metric");
  expect(() => matcher({ seriesTags: many })).toThrow('filter.series_tags is "33 tags"');
  expect(() => matcher({ seriesTags: { site: "" } })).toThrow('filter.series_tags["site"]');
  expect(() => matcher({ tags: Array<string>(33).fill("x") })).toThrow("filter.tags");
  expect(() => matcher({ text: "x".repeat(257) })).toThrow("filter.text");
});
