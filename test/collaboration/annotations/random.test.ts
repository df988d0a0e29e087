/** Random makes, edits, removals, lists and restarts, against a plain list; and a watcher, whose picture must be the same. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { touches } from "../../../src/collaboration/annotations/annotation-change.ts";
import { compileAnnotationFilter } from "../../../src/collaboration/annotations/annotation-filter.ts";
import { AnnotationFilterSchema, type Annotation } from "../../../src/wire/gen/annotations_pb.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { AnnotationsRig, at, DAY_MS, failureOf, MINUTE_MS, START_MS, rest } from "./rig.ts";

const { createAnnotation, editAnnotation, removeAnnotation, listAnnotations } = Collaboration.method;
const LENGTHS_MS = [0, 1, 59 * MINUTE_MS, 61 * MINUTE_MS, 2 * DAY_MS, 40 * DAY_MS];

const when = fc.record({ fromMs: fc.integer({ min: 0, max: 100 * DAY_MS }), lengthMs: fc.constantFrom(...LENGTHS_MS) });
const pin = fc.record({
  metric: fc.constantFrom("a", "b", ""),
  device: fc.constantFrom("d1", "d2", ""),
  alertId: fc.constantFrom("a1", ""),
  sessionId: fc.constantFrom("s1", ""),
});
const filter = fc.record({
  metric: fc.constantFrom("a", "*", "", "b|c"),
  device: fc.constantFrom("d1", "", "d?"),
  alertId: fc.constantFrom("", "", "a1"),
  sessionId: fc.constantFrom("", "", "s1", "s2"),
  tags: fc.constantFrom<string[]>([], [], ["x"]),
});
const which = fc.nat(50);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("create" as const), when, pin, madeIn: fc.constantFrom("", "s2") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("edit" as const),
      which,
      when,
      text: fc.string(),
      tags: filter.map(({ tags }) => tags),
      isStale: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("list" as const),
      filter,
      when,
      limit: fc.integer({ min: 1, max: 5 }),
      isBound: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);

function spanOf({ fromMs, lengthMs }: { readonly fromMs: number; readonly lengthMs: number }) {
  const from = timestampOfMs(START_MS + fromMs);
  return { from, ...(lengthMs === 0 ? {} : { to: timestampOfMs(START_MS + fromMs + lengthMs) }) };
}

function latestFirst(a: Annotation, b: Annotation): number {
  return Number(b.from!.seconds - a.from!.seconds) || b.from!.nanos - a.from!.nanos || (a.id < b.id ? 1 : -1);
}

test("the same as a plain list", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), filter, async (steps, watched) => {
      const rig = new AnnotationsRig();
      const plain: Annotation[] = [];
      const seen = new Map<string, Annotation>();
      let cursor = "";
      let watcher = rig.watch({ filter: watched, from: at(0) });
      const follow = () => {
        for (const { annotation, removed, cursor: place } of watcher.events.splice(0)) {
          if (annotation !== undefined && removed) seen.delete(annotation.id);
          else if (annotation !== undefined) seen.set(annotation.id, annotation);
          if (place !== "") cursor = place;
        }
      };
      await rest();
      follow();
      for (const one of steps) {
        if (one.kind === "create") {
          const given = { text: "made", pin: one.pin, ...spanOf(one.when), sessionId: one.madeIn };
          const isNothing = Object.values(one.pin).every((name) => name === "");
          const made = rig.call(createAnnotation, given);
          if (isNothing) expect(await failureOf(made)).toContain("INVALID_ARGUMENT");
          else plain.push((await made).annotation!);
        } else if (one.kind === "restart") {
          await watcher.close();
          rig.restart();
          watcher = rig.watch({ filter: watched, cursor });
        } else if (one.kind === "list") {
          const { fromMs, lengthMs } = one.when;
          const [from, to] = one.isBound
            ? [START_MS + fromMs, START_MS + fromMs + lengthMs + 1]
            : [-Infinity, Infinity];
          const { takes } = compileAnnotationFilter(create(AnnotationFilterSchema, one.filter));
          const expected = plain.filter((it) => !it.removed && touches(it, from, to) && takes(it)).sort(latestFirst);
          const listed: Annotation[] = [];
          for (let page = "", isDone = false; !isDone; isDone = page === "") {
            const bounds = one.isBound ? { from: timestampOfMs(from), to: timestampOfMs(to) } : {};
            const answer = await rig.call(listAnnotations, { filter: one.filter, limit: one.limit, page, ...bounds });
            listed.push(...answer.annotations);
            page = answer.nextPage;
          }
          expect(listed).toEqual(expected);
        } else if (plain.length > 0) {
          const place = one.which % plain.length;
          const { id, revision } = plain[place];
          if (one.kind === "remove") {
            plain[place] = (await rig.call(removeAnnotation, { id, revision })).annotation!;
          } else {
            const given = {
              id,
              text: `edited ${one.text}`,
              tags: one.tags,
              ...spanOf(one.when),
              clearTo: one.when.lengthMs === 0,
            };
            const edit = rig.call(editAnnotation, { ...given, revision: one.isStale ? revision + 1n : revision });
            if (one.isStale) expect(await failureOf(edit)).toContain("ABORTED");
            else if (plain[place].removed) expect(await failureOf(edit)).toContain("FAILED_PRECONDITION");
            else plain[place] = (await edit).annotation!;
          }
        }
        await rest();
        follow();
      }
      const { takes } = compileAnnotationFilter(create(AnnotationFilterSchema, watched));
      const expected = plain.filter((it) => !it.removed && takes(it)).sort(latestFirst);
      expect([...seen.values()].sort(latestFirst)).toEqual(expected);
      await watcher.close();
    }),
    { numRuns: 60 },
  );
});
