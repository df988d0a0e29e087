import { expect, test } from "bun:test";
import { chatCommandOf } from "../../src/model/chat-command.ts";

const refusal = (line: string) => {
  try {
    chatCommandOf(line);
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
};

test("what is no command is a message, whatever stands in it; two slashes are a message with one", () => {
  expect(chatCommandOf("  ")).toBeUndefined();
  expect(chatCommandOf(" /ack x")).toEqual({ kind: "say", text: " /ack x" });
  expect(chatCommandOf("a\nb /quit")).toEqual({ kind: "say", text: "a\nb /quit" });
  expect(chatCommandOf("//ack x")).toEqual({ kind: "say", text: "/ack x" });
});

test("commands, and what stands behind them", () => {
  const action = (metadata: Record<string, string>, text = "") => ({ kind: "action", text, metadata }) as const;
  expect(chatCommandOf("/ack 70e3")).toEqual(action({ action: "acknowledge", alert_id: "70e3" }));
  expect(chatCommandOf("/ack  70e3  on my\nway ")).toEqual(
    action({ action: "acknowledge", alert_id: "70e3" }, "on my\nway"),
  );
  expect(chatCommandOf("/assign 70e3 -")).toEqual(action({ action: "assign", alert_id: "70e3", assignee: "" }));
  expect(chatCommandOf("/assign 70e3 ann b")).toEqual(
    action({ action: "assign", alert_id: "70e3", assignee: "ann b" }),
  );
  expect(chatCommandOf("/comment 70e3 hot")).toEqual(action({ action: "comment", alert_id: "70e3" }, "hot"));
  expect(chatCommandOf("/silence 70e3 2h works")).toEqual(
    action({ action: "silence", alert_id: "70e3", duration: "2h" }, "works"),
  );
  expect(chatCommandOf("/issue pump is loud")).toEqual({ kind: "issue", text: "pump is loud", metadata: {} });
  expect(chatCommandOf("/issue 12")).toEqual({ kind: "show-issue", number: 12n });
  expect(chatCommandOf("/issue #12 still loud")).toEqual({
    kind: "issue",
    text: "still loud",
    metadata: { number: "12" },
  });
  expect(chatCommandOf("/done 12")).toEqual({
    kind: "issue",
    text: "",
    metadata: { number: "12", status: "resolved" },
  });
  expect(chatCommandOf('/annotate metric=t device="pump 1" last=10m hot = bad')).toEqual({
    kind: "annotate",
    about: { metric: "t", device: "pump 1" },
    lastMs: 600_000,
    text: "hot = bad",
  });
  expect(chatCommandOf("/annotate x=1 y")).toEqual({ kind: "annotate", about: {}, lastMs: 0, text: "x=1 y" });
  const alone = ["/alerts", "/issues", "/who", "/help ", "/quit"];
  expect(alone.map((line) => chatCommandOf(line)?.kind)).toEqual(["alerts", "issues", "who", "help", "quit"]);
});

test("commands that there are not, or that lack something, are refused with what is wanted", () => {
  expect(refusal("/foo bar")).toStartWith('there is no command "/foo"; wanted /ack, ');
  expect(refusal("/\x1b[31m")).not.toContain("\x1b");
  expect(refusal("/constructor")).toContain("there is no command");
  expect(refusal("/ack")).toBe('/ack was given ""; wanted /ack ALERT [COMMENT]');
  for (const line of [
    "/assign 70e3",
    "/comment 70e3",
    "/silence 70e3",
    "/issue",
    "/done it",
    "/annotate metric=t",
    "/who all",
  ]) {
    expect([line, refusal(line)]).toEqual([line, expect.stringContaining("; wanted /")]);
  }
  expect(refusal("/silence 70e3 soon")).toContain('"soon" is no duration');
  expect(refusal("/annotate last=soon x")).toContain('"soon" is no duration');
});
