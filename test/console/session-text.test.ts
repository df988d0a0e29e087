import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { AlertNotices, NOTICES_MAX } from "../../src/console/data/alert-notices.ts";
import { linkedParts } from "../../src/console/data/linked-text.ts";
import { membersAfter, membersAsTold, seenBy, tellingOf, type Members } from "../../src/console/data/present.ts";
import { roomRows } from "../../src/console/data/room-rows.ts";
import { chartsOfAlerts, chartsOfTopic, isAbout } from "../../src/console/data/topic-charts.ts";
import { AlertSchema } from "../../src/wire/gen/alerts_pb.ts";
import { CollaborationMessageSchema, MemberSchema, SessionTopicSchema } from "../../src/wire/gen/collaboration_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";

const known = {
  isDevice: (name: string) => name === "pump-1" || name === "a/b",
  isMetric: (name: string) => name === "temperature_c",
  alertId: (begin: string) => ("70e3a1b2c4".startsWith(begin) ? "70e3a1b2c4" : undefined),
};
const linked = (text: string) =>
  linkedParts(text, known).map(({ text: part, href }) => (href === undefined ? part : `[${part}](${href})`));

test("what a text names is a link, up to the end of its sentence, and the text is whole", () => {
  expect(linked("pump-1: temperature_c, see 70e3a1b2 and #12.")).toEqual([
    "[pump-1](/devices/pump-1)",
    ": ",
    "[temperature_c](/explore?metric=temperature_c)",
    ", see ",
    "[70e3a1b2](/alerts/70e3a1b2c4)",
    " and ",
    "[#12](/issues/12)",
    ".",
  ]);
  expect(linked("a/b?")).toEqual(["[a/b](/devices/a%2Fb)", "?"]);
  expect(linked("(https://example.org/x?y=1).")).toEqual([
    "(",
    "[https://example.org/x?y=1](https://example.org/x?y=1)",
    ").",
  ]);
  for (const text of ["", "pump-12", "70e3", "javascript:alert(1)", "<img src=x onerror=alert(1)>", "https://"]) {
    expect(linkedParts(text, known).filter(({ href }) => href !== undefined)).toEqual([]);
  }
  for (const text of ["pump-1", "x pump-1, #1", "…#1…", "https://a https://b"]) {
    expect(
      linkedParts(text, known)
        .map((part) => part.text)
        .join(""),
    ).toBe(text);
  }
});

const message = (init: MessageInitShape<typeof CollaborationMessageSchema>) => create(CollaborationMessageSchema, init);
const system = (event: string, ...names: string[]) =>
  message({ messageType: "system", metadata: { event }, members: names.map((userId) => ({ userId })) });

test("who is here: those of the snapshot, who came and did not leave, and what each looks at", () => {
  let members: Members = new Map();
  const hear = (...messages: ReturnType<typeof message>[]) => (members = messages.reduce(membersAfter, members));
  hear(system("snapshot", "ann", "bob"), system("snapshot_end", "carl"));
  expect([...members.keys()]).toEqual(["ann", "bob", "carl"]);
  const renamed = message({
    messageType: "system",
    metadata: { event: "renamed", was: "dora" },
    members: [{ userId: "d" }],
  });
  hear(system("left", "ann"), system("joined", "dora"), renamed, system("left", "d"), system("joined", "dora"));
  const metadata = { view: "Explore", metrics: "load", href: "/explore?metric=load" };
  hear(message({ messageType: "cursor", userId: "bob", metadata }), message({ messageType: "cursor", userId: "ann" }));
  expect([...members.keys()]).toEqual(["bob", "carl", "dora"]);
  expect(seenBy(members.get("bob")!)).toEqual({ text: "Explore: load", href: "/explore?metric=load" });
});

test("an answer that is older than who came and went brings nobody back, and takes nobody away", () => {
  const member = (userId: string, view = "") => create(MemberSchema, { userId, lookingAt: { view } });
  const here = new Map([member("ann"), member("bob")].map((each) => [each.userId, each]));
  const after = membersAsTold(here, [member("bob", "Alerts"), member("gone")]);
  expect([...after.values()].map((each) => [each.userId, seenBy(each).text])).toEqual([
    ["ann", ""],
    ["bob", "Alerts"],
  ]);
});

test("an address that leads elsewhere is no link", () => {
  for (const href of [
    "//evil.example/",
    "/\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "explore",
    "",
  ]) {
    const member = create(MemberSchema, { lookingAt: { view: "Explore", href } });
    expect(seenBy(member)).toEqual({ text: "Explore", href: undefined });
  }
});

test("what is told of what one looks at is bounded, whatever there is", () => {
  const many = Array.from({ length: 500 }, (_, i) => `${"metric".repeat(30)}${i}`);
  const telling = tellingOf({ view: "Explore", metrics: many, devices: many }, `/explore?${"x".repeat(5_000)}`);
  expect(JSON.stringify(telling).length).toBeLessThan(1_024);
  expect(telling["href"]).toBeUndefined();
});

test("rows: days, what is new, those who come and go together, names once", () => {
  const said = (number: number, userId: string, minute: number) =>
    message({
      number: BigInt(number),
      messageType: "chat",
      userId,
      message: `m${number}`,
      timestamp: timestampOfMs(minute * 60_000),
    });
  const came = (number: number, minute: number) => {
    const coming = { number: BigInt(number), messageType: "system", metadata: { event: "joined" } };
    return message({ ...coming, message: `${number} joined`, timestamp: timestampOfMs(minute * 60_000) });
  };
  const messages = [
    said(1, "ann", 0),
    said(2, "ann", 1),
    came(3, 2),
    came(4, 2),
    said(5, "ann", 3),
    said(6, "bob", 3),
    said(7, "bob", 1_500),
  ];
  const rows = roomRows(messages, 2, (ms) => String(Math.floor(ms / 86_400_000)));
  const told = rows.map((row) =>
    row.kind === "message"
      ? `${row.message.message}${row.goesOn ? "+" : ""}`
      : row.kind === "comings"
        ? row.texts.join(", ")
        : row.kind,
  );
  expect(told).toEqual(["day", "m1", "m2+", "3 joined, 4 joined", "new", "m5", "m6", "day", "m7"]);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  const isMarkedFor = (userId: string, readUpTo: number) =>
    roomRows(messages, readUpTo, () => "", [], userId).some(({ kind }) => kind === "new");
  expect([isMarkedFor("ann", 2), isMarkedFor("bob", 2), isMarkedFor("bob", 5)]).toEqual([false, true, false]);
  expect(roomRows(messages, undefined, () => "").some(({ kind }) => kind === "new")).toBe(false);
});

test("what becomes of alerts stands between the messages of its time, once", () => {
  const alert = (id: string, atMs: number) =>
    create(AlertSchema, { id, title: id, severity: "high", createdAt: timestampOfMs(atMs) });
  const notices = new AlertNotices();
  const [a, b] = [alert("a", 500), alert("b", 2_500)];
  const isOver = (id: string) => id === "a";
  notices.take([a], isOver, 0);
  const told = notices.take([a, b], isOver, 2_600);
  expect(notices.take([b, a], isOver, 2_700)).toBe(told);
  const said = [1_000, 2_000, 3_000].map((atMs, i) =>
    message({
      number: BigInt(i + 1),
      messageType: "chat",
      userId: "ann",
      message: `m${i}`,
      timestamp: timestampOfMs(atMs),
    }),
  );
  const rows = roomRows(said, undefined, () => "", notices.take([b], isOver, 4_000));
  const texts = rows.map((row) =>
    row.kind === "alert"
      ? `${row.notice.title} ${row.notice.became}`
      : row.kind === "message"
        ? row.message.message
        : row.kind,
  );
  expect(texts).toEqual(["m0", "m1", "b fires", "m2", "a is over"]);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  const many = Array.from({ length: NOTICES_MAX * 2 }, (_, i) => alert(`n${i}`, i));
  expect(notices.take([], isOver, 4_500).at(-1)).toMatchObject({
    title: "b",
    became: "is not known to the server any more",
  });
  expect(notices.take(many, isOver, 5_000)).toHaveLength(NOTICES_MAX);
});

test("what a session is about, as charts and alerts", () => {
  const topic = (init: MessageInitShape<typeof SessionTopicSchema>) => create(SessionTopicSchema, init);
  const alert = (id: string, context: Record<string, string>, incidentId = "") =>
    create(AlertSchema, { id, context, incidentId });
  expect(chartsOfTopic(topic({ metrics: ["load", "temp_*"], devices: ["a", "b"] }), [])).toEqual([
    { metric: "load", filters: { device: "a|b" } },
    { metric: "temp_*", filters: { device: "a|b" } },
  ]);
  expect(chartsOfTopic(topic({ devices: ["a"] }), ["load"])).toEqual([{ metric: "load", filters: { device: "a" } }]);
  const load = { metric: "load", device: "a" };
  expect(
    chartsOfAlerts([alert("1", load), alert("2", load), alert("3", {}), alert("4", { metric: "m", source: "s" })]),
  ).toEqual([
    { metric: "load", filters: { device: "a" } },
    { metric: "m", filters: { source: "s" } },
  ]);
  // Names are no globs: "a|b" is one device.
  expect(chartsOfTopic(topic({ devices: ["a|b", "hall*"] }), ["load"])[0].filters).toEqual({ device: "a?b|hall?" });
  expect(chartsOfAlerts([alert("5", { metric: "m", device: "a|b" })])[0].filters).toEqual({ device: "a?b" });
  const both = topic({ metrics: ["load"], devices: ["a"], alertIds: ["9"], incidentIds: ["inc"] });
  const about = (id: string, context: Record<string, string>, incident = "") =>
    isAbout(both, alert(id, context, incident));
  expect([about("1", load), about("9", {}), about("2", {}, "inc")]).toEqual([true, true, true]);
  expect([about("1", { metric: "load", device: "b" }), about("1", {})]).toEqual([false, false]);
  expect(isAbout(topic({}), alert("1", {}))).toBe(false);
});
