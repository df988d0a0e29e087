/** What callers are told of errors fits into the trailers that their clients take, whatever the error holds. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { invalidField, WatchpostError } from "../../src/model/errors.ts";
import { IssueSchema } from "../../src/wire/gen/issues_pb.ts";
import { fromStatus, packed, toStatus, unpacked } from "../../src/wire/status.ts";
import { headerText } from "../../src/wire/told-error.ts";
import "../support/seed.ts";

/** What gRPC Core takes, less what stands beside text and details. */
const TRAILERS_BYTES_MAX = 8 * 1024 - 400;
const TEXT_BYTES_MAX = 2 * 1024;

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 5_000 }),
  fc.tuple(fc.constantFrom("a", "%", "ü", "€", "🚀", "\ud800", "\n"), fc.nat(3_000)).map(([unit, n]) => unit.repeat(n)),
);

test("text that is short stays, long text is cut between code points and says so", () => {
  fc.assert(
    fc.property(text, (given) => {
      const shown = headerText(given);
      expect(encodeURI(shown).length).toBeLessThanOrEqual(TEXT_BYTES_MAX);
      const whole = given.toWellFormed();
      if (encodeURI(whole).length <= TEXT_BYTES_MAX) {
        expect(shown).toBe(whole);
        return;
      }
      expect(shown).toEndWith("…");
      expect(whole).toStartWith(shown.slice(0, -1));
      // Nothing is cut that there was room for.
      expect(encodeURI(shown).length).toBeGreaterThan(TEXT_BYTES_MAX - encodeURI("🚀").length);
    }),
  );
});

test("text and details fit together, whatever they are", () => {
  const violations = fc.array(fc.record({ field: text, description: text }), { maxLength: 60 });
  const messages = fc.array(
    fc.record({ typeName: fc.constant("analytics.Issue"), value: fc.uint8Array({ maxLength: 6_000 }) }),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(text, violations, messages, (message, violations, messages) => {
      const error = new WatchpostError("ABORTED", message, { violations, messages, retryAfterMs: 1_500 });
      const told = toStatus(error);
      const details = Buffer.from(told.details!).toString("base64");
      expect(encodeURI(told.message).length + details.length).toBeLessThanOrEqual(TRAILERS_BYTES_MAX);
      expect(fromStatus(told.code, told.message, told.details).retryAfterMs).toBe(1_500);
    }),
  );
});

test("a field with a long value, and many of them, are told as far as there is room", () => {
  const long = invalidField("name", "x", "y".repeat(100_000));
  const { code, message, details } = toStatus(long);
  const told = fromStatus(code, message, details);
  expect(told.message).toBe(`name is "x"; wanted ${"y".repeat(100_000)}`.slice(0, told.message.length - 1) + "…");
  expect(told.violations).toMatchObject([{ field: "name", description: told.message }]);

  const violations = Array.from({ length: 500 }, (_, i) => ({ field: `f${i}`, description: "is wrong" }));
  const many = toStatus(new WatchpostError("INVALID_ARGUMENT", "wrong", { violations }));
  const shown = fromStatus(many.code, many.message, many.details).violations;
  expect(shown.length).toBeGreaterThan(20);
  expect(shown).toMatchObject(violations.slice(0, shown.length));
});

test("a message of 4 KiB travels beside a sentence, a larger one is left out", () => {
  const back = (bytes: number) => {
    const issue = create(IssueSchema, { description: "x".repeat(bytes) });
    const error = new WatchpostError("ABORTED", "s".repeat(300), { messages: [packed(IssueSchema, issue)] });
    const { code, message, details } = toStatus(error);
    return unpacked(fromStatus(code, message, details), IssueSchema)?.description.length;
  };
  expect(back(4 * 1024)).toBe(4 * 1024);
  expect(back(16 * 1024)).toBeUndefined();
});
