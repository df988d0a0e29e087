/** Why somebody has to log in, as the page says it. */
import { expect, test } from "bun:test";
import { lockedText } from "../../src/console/locked-text.ts";

const NONE = { reason: "no_credential", message: "no token came", was: undefined, hasLoggedOut: false };

test("who was never there is asked; who was logged out, here or elsewhere, or is asked for the first time, is told so", () => {
  expect(lockedText(NONE)).toEqual({ why: "", isFormLeftOut: false });
  expect(lockedText({ ...NONE, hasLoggedOut: true }).why).toBe("You are logged out.");
  expect(lockedText({ ...NONE, was: "session" }).why).toContain("in another window");
  expect(lockedText({ ...NONE, was: "" }).why).toContain("There is a first token now");
});

test("why a session has ended stands as the server says it", () => {
  const ended = { ...NONE, reason: "ended_session", message: "the session has ended: it was logged out" };
  expect(lockedText(ended)).toEqual({
    why: "The session has ended: it was logged out.",
    isFormLeftOut: false,
  });
});

test("where no token would be taken none is asked for", () => {
  const proxied = { ...NONE, reason: "through_proxy", message: "this call came through a proxy" };
  expect(lockedText(proxied)).toEqual({ why: "This call came through a proxy.", isFormLeftOut: true });
});
