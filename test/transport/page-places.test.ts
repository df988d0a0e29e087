/** Places of pages: one caller leaves room for others, and what is left is there again. */
import { expect, test } from "bun:test";
import { CALLER_PAGES_CALLS_MAX, CALLER_PAGES_MAX, PAGES_MAX } from "../../src/model/limits.ts";
import { PagePlaces, refusalOfCall } from "../../src/transport/page-places.ts";
import { ANONYMOUS } from "../../src/wire/service.ts";

const by = (name: string) => ({ ...ANONYMOUS, isAuthenticated: true, name });

test("callers are principals, or the networks of those who prove nothing", () => {
  const places = new PagePlaces();
  const left = Array.from({ length: CALLER_PAGES_MAX }, () => places.enter(by("ann"), "10.0.0.1"));
  expect(() => places.enter(by("ann"), "10.0.0.2")).toThrow(`"ann" has ${CALLER_PAGES_MAX} pages connected already`);
  for (let i = 0; i < CALLER_PAGES_MAX; i++) places.enter(ANONYMOUS, "10.0.0.1");
  expect(() => places.enter(ANONYMOUS, "10.0.0.1")).toThrow("the address 10.0.0.1 has");
  left[0].leave();
  places.enter(by("ann"), "10.0.0.1");
  for (let i = 2 * CALLER_PAGES_MAX; i < PAGES_MAX; i++) places.enter(ANONYMOUS, `10.1.${i >> 8}.${i & 255}`);
  expect(() => places.enter(by("bob"), "10.0.0.9")).toThrow(`${PAGES_MAX} pages are connected already`);
});

test("all pages of a caller share their calls", () => {
  const places = new PagePlaces();
  const [one, other] = [places.enter(by("ann"), "10.0.0.1"), places.enter(by("ann"), "10.0.0.2")];
  one.ofOne.calls = CALLER_PAGES_CALLS_MAX;
  expect(refusalOfCall(other.ofOne)).toContain(`${CALLER_PAGES_CALLS_MAX} calls under way`);
  expect(refusalOfCall(places.enter(by("bob"), "10.0.0.1").ofOne)).toBeUndefined();
  one.leave();
  other.leave();
  expect(places.enter(by("ann"), "10.0.0.1").ofOne).toEqual({ pages: 1, calls: 0 });
});
