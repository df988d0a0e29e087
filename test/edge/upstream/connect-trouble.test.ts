import { expect, test } from "bun:test";
import { connectTrouble } from "../../../src/edge/upstream/connect-trouble.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { NO_TLS, NOT_ACCEPTED, WANTS_CERTIFICATE } from "../../../src/wire/connect-fault.ts";
import { TOO_MANY_CREDENTIALS } from "../../../src/wire/refused-login.ts";

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
  const unknown = "its certificate is not accepted: it is signed by an authority that is not trusted here";
  const { error } = connectTrouble(new WatchpostError("FAILED_PRECONDITION", unknown), "centre:1");
  expect(error).toBe(`centre:1: ${unknown}; upstream.ca_file names who signed it`);
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

test("one that does not know who calls has refused it, also where it says to wait; and what is wrong here is no refusal", () => {
  const slowed = new WatchpostError("RESOURCE_EXHAUSTED", `${TOO_MANY_CREDENTIALS} 10.0.0.9 were not good`, {
    retryAfterMs: 7,
  });
  expect(connectTrouble(slowed, "centre:1")).toMatchObject({
    status: "UNAUTHENTICATED",
    sentence: `the upstream refuses this node, which is tried on: centre:1: ${slowed.message}`,
    retryAfterMs: 7,
  });
  const own = new WatchpostError("FAILED_PRECONDITION", "upstream.token_file: t is empty");
  expect(connectTrouble(own, "centre:1").sentence).toBe(
    `nothing can be forwarded before this is set right here: centre:1: ${own.message}`,
  );
});
