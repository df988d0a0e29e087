/** What annotations take: bounds, and what is said of what is outside of them. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import {
  createdAnnotation,
  editedAnnotation,
  touches,
} from "../../../src/collaboration/annotations/annotation-change.ts";
import {
  AnnotationPinSchema,
  AnnotationSchema,
  CreateAnnotationRequestSchema,
  EditAnnotationRequestSchema,
} from "../../../src/wire/gen/annotations_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { at, START_MS } from "./rig.ts";

const DOING = { by: "ann", atMs: START_MS };

function made(request: MessageInitShape<typeof CreateAnnotationRequestSchema>) {
  const given = create(CreateAnnotationRequestSchema, { text: "a note", ...request });
  given.pin ??= create(AnnotationPinSchema, { metric: "m" });
  return createdAnnotation(given, "id", DOING);
}

function refusal(request: MessageInitShape<typeof CreateAnnotationRequestSchema>): string {
  try {
    made(request);
    return "taken";
  } catch (error) {
    return String(error).replace("WatchpostError: ", "");
  }
}

test("at one time, now where nothing is said; over a range; the tag device is the device; tags once", () => {
  const { pin, from, to, tags, ...rest } = made({
    pin: { tags: { device: "pump-1", site: "north" } },
    tags: ["a", "b", "a"],
    text: "<b>bold</b>\u202e\u0000",
  });
  expect({ device: pin!.device, tags: pin!.tags }).toEqual({ device: "pump-1", tags: { site: "north" } });
  expect(from).toEqual(expect.objectContaining(timestampOfMs(START_MS)));
  expect(to).toBeUndefined();
  expect(tags).toEqual(["a", "b"]);
  expect(rest).toMatchObject({ text: "<b>bold</b>\u202e\u0000", author: "ann", revision: 1n, removed: false });
  expect(made({ from: at(1), to: at(2) }).to).toEqual(expect.objectContaining(at(2)));
});

test("without a pin it is pinned to the session it is made in, and to nothing without one", () => {
  const { pin, madeIn } = createdAnnotation(
    create(CreateAnnotationRequestSchema, { text: "x", sessionId: "s1" }),
    "id",
    DOING,
  );
  expect([pin!.sessionId, madeIn]).toEqual(["s1", "s1"]);
  expect(refusal({ pin: {} })).toBe(
    'pin is ""; wanted a metric, source, device, tag, alert or session that the annotation is about',
  );
});

test("what is refused, by name", () => {
  expect(refusal({ text: " \n" })).toBe('text is " \\n"; wanted some text');
  expect(refusal({ text: "ß".repeat(8_193) })).toBe('text is "16386 bytes"; wanted at most 16384');
  expect(refusal({ text: "ß".repeat(8_192) })).toBe("taken");
  expect(refusal({ tags: Array.from({ length: 33 }, (_, i) => `t${i}`) })).toContain('tags is "33 tags"');
  expect(refusal({ tags: ["x".repeat(129)] })).toContain("wanted each 1 to 128 characters");
  expect(refusal({ tags: [" "] })).toContain("wanted each 1 to 128 characters");
  expect(refusal({ pin: { metric: "temp_*" } })).toContain('pin.metric is "temp_*"; wanted the name of one metric');
  expect(refusal({ pin: { device: "a", tags: { device: "b" } } })).toContain("pin.tags.device");
  expect(refusal({ pin: { tags: { site: "" } } })).toContain('pin.tags["site"]');
  expect(refusal({ pin: { source: "x".repeat(257) } })).toContain("pin.source");
  expect(refusal({ pin: { sessionId: "a b" } })).toContain("pin.session_id");
  expect(refusal({ sessionId: "../x" })).toContain("session_id");
  expect(refusal({ pin: { alertId: "x".repeat(257) } })).toContain("pin.alert_id");
  expect(refusal({ from: at(2), to: at(2) })).toContain("to is");
  expect(refusal({ to: at(-1) })).toContain("wanted a time after 2026-01-01T00:00:00.000Z, where it begins");
  expect(refusal({ from: { seconds: -1n, nanos: 0 } })).toContain("wanted a time from 1970 to the year 9999");
  expect(refusal({ from: { seconds: 2n ** 62n, nanos: 0 } })).toContain("wanted a time from 1970 to the year 9999");
  expect(refusal({ from: { seconds: 1n, nanos: -5 } })).toContain("wanted a time from 1970 to the year 9999");
});

test("touches: one time is in a range that begins with it, a range where they overlap", () => {
  const one = made({ from: at(5) });
  const range = made({ from: at(5), to: at(7) });
  const touched = (annotation: typeof one, from: number, to: number) =>
    touches(annotation, START_MS + from * 60_000, START_MS + to * 60_000);
  expect([touched(one, 5, 6), touched(one, 4, 5), touched(one, 6, 9)]).toEqual([true, false, false]);
  expect([touched(range, 6, 9), touched(range, 7, 9), touched(range, 0, 5), touched(range, 0, 6)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test("edits change what is given and leave the rest; what changes nothing is no revision", () => {
  const before = made({ from: at(1), to: at(2), tags: ["a"] });
  const edited = (request: MessageInitShape<typeof EditAnnotationRequestSchema>) =>
    editedAnnotation(before, create(EditAnnotationRequestSchema, request), { by: "bob", atMs: START_MS + 1 });
  expect(edited({ text: "other" })).toMatchObject({ text: "other", tags: ["a"], revision: 2n, editedBy: "bob" });
  expect(edited({ clearTo: true }).to).toBeUndefined();
  expect(edited({ clearTags: true }).tags).toEqual([]);
  expect(edited({ tags: ["b"] }).tags).toEqual(["b"]);
  expect(edited({ text: "a note", to: at(2), tags: ["a"] })).toBe(before);
  expect(() => edited({ from: at(3) })).toThrow("wanted a time after 2026-01-01T00:03:00.000Z");
  expect(() => edited({ clearTo: true, to: at(9) })).toThrow("clear_to and to are given together");
  expect(() => edited({ clearTags: true, tags: ["x"] })).toThrow("clear_tags and tags are given together");
  expect(() => edited({ text: "" })).toThrow("some text");
  expect(create(AnnotationSchema, before)).toMatchObject({ text: "a note", revision: 1n });
});
