import { expect, test } from "bun:test";
import { connectTrouble } from "../../../src/edge/upstream/connect-trouble.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { NO_TLS, NOT_ACCEPTED, WANTS_CERTIFICATE } from "../../../src/wire/connect-fault.ts";

test("an upstream that is away, one without room and one that refuses are told apart", () => {
  const sentence = (thrown: unknown) => connectTrouble(thrown, "centre:1").sentence;
  const unavailable = new WatchpostError("UNAVAILABLE", "gone");
  expect(sentence(unavailable)).toBe("the upstream cannot be reached: centre:1: gone");
  expect(sentence(new Error("odd"))).toBe("the upstream cannot be reached: centre:1: odd");
  const full = new WatchpostError("RESOURCE_EXHAUSTED", "full", { retryAfterMs: 7 });
  expect(connectTrouble(full, "centre:1")).toMatchObject({
    sentence: "the upstream has no room for this node at present: centre:1: full",
    retryAfterMs: 7,
  });
  const loop = new WatchpostError("FAILED_PRECONDITION", "round for ever");
  expect(sentence(loop)).toBe("the upstream refuses this node, which is tried on: centre:1: round for ever");
});

test("one that is not believed, or that there is no connection to, has refused nothing", () => {
  const sentence = (message: string) =>
    connectTrouble(new WatchpostError("FAILED_PRECONDITION", message), "centre:1").sentence;
  const expired = `${NOT_ACCEPTED}: it has expired`;
  expect(sentence(expired)).toBe(
    `the upstream is not believed to be who it says (upstream.ca_file): centre:1: ${expired}`,
  );
  expect(sentence(NO_TLS)).toBe(`the upstream cannot be reached: centre:1: ${NO_TLS} (upstream.tls)`);
  expect(sentence(WANTS_CERTIFICATE)).toBe(
    `the upstream cannot be reached: centre:1: ${WANTS_CERTIFICATE} (upstream.cert_file)`,
  );
});
