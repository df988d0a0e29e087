import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { AlertBook, CLEARED_MAX } from "../../../src/console/data/alert-book.ts";
import { AlertChange, AlertSchema, type Alert } from "../../../src/wire/gen/alerts_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { acknowledged, alertOf, cleared, FIRST_MS } from "./rows.ts";

const END = create(AlertSchema, { snapshotEnd: true, cursor: "1" });
const idsOf = (book: AlertBook) => book.active.map(({ id }) => id);

function bookOf(...alerts: Alert[]): AlertBook {
  const book = new AlertBook();
  book.begin();
  for (const alert of [...alerts, END]) book.hear(alert);
  return book;
}

test("what stood is known once it is whole, and is no news", () => {
  const book = new AlertBook();
  book.begin();
  book.hear(alertOf("a"));
  expect([book.isKnown, idsOf(book)]).toEqual([false, []]);
  book.hear(END);
  expect([book.isKnown, idsOf(book)]).toEqual([true, ["a"]]);
  expect(book.take().isBeginning).toBe(true);
  book.hear(alertOf("b"));
  const { deltas, isBeginning } = book.take();
  expect([isBeginning, deltas.map(({ id }) => id)]).toEqual([false, ["b"]]);
});

test("a snapshot that breaks off and begins anew changes nothing before it is whole", () => {
  const book = bookOf(alertOf("a"), alertOf("b"));
  book.take();
  book.begin();
  book.hear(alertOf("b"));
  book.begin();
  book.hear(alertOf("b"));
  book.hear(alertOf("c"));
  expect(idsOf(book)).toEqual(["a", "b"]);
  book.hear(END);
  expect(idsOf(book)).toEqual(["b", "c"]);
  const { deltas, isBeginning } = book.take();
  expect(isBeginning).toBe(false);
  const news = deltas.filter(({ before, after }) => (before === undefined) !== (after === undefined));
  expect(news.map(({ id }) => id)).toEqual(["a", "c"]);
});

test("what is over stays known for a while, and a comment on it does not make it fire", () => {
  const book = bookOf(alertOf("a"));
  book.hear(cleared(alertOf("a")));
  expect([idsOf(book), book.row("a")?.status]).toEqual([[], "cleared"]);
  const comment = { change: AlertChange.COMMENTED, removed: false };
  book.hear(create(AlertSchema, { ...cleared(alertOf("a")), ...comment }));
  book.hear(create(AlertSchema, { ...cleared(alertOf("of yesterday")), ...comment }));
  expect([idsOf(book), book.row("a")?.status]).toEqual([[], "cleared"]);
  expect(book.row("of yesterday")).toBeUndefined();
});

test("of what is over the oldest are forgotten", () => {
  const book = bookOf();
  for (let i = 0; i <= CLEARED_MAX; i++) {
    book.hear(alertOf(`${i}`));
    book.hear(cleared(alertOf(`${i}`)));
  }
  expect([book.row("0"), book.row("1")?.id, [...book.rows()].length]).toEqual([undefined, "1", CLEARED_MAX]);
});

test("counts go with what comes, is acknowledged, silenced and cleared", () => {
  const critical = alertOf("a", { severity: "critical" });
  const book = bookOf(critical, alertOf("b"), alertOf("c"));
  expect([book.counts, book.openCounts]).toEqual([
    [1, 2, 0, 0],
    [1, 2, 0, 0],
  ]);
  book.hear(acknowledged(critical, "Ada"));
  book.setSilenced(({ id }) => id === "b");
  expect(book.openCounts).toEqual([0, 1, 0, 0]);
  book.hear(cleared(alertOf("c")));
  expect([book.counts, book.openCounts]).toEqual([
    [1, 1, 0, 0],
    [0, 0, 0, 0],
  ]);
  book.setSilenced(() => false);
  expect(book.openCounts).toEqual([0, 1, 0, 0]);
});

test("values go with the samples; what has changed since they were read is let be", () => {
  const at = timestampOfMs(FIRST_MS);
  const [same, other] = ["a", "b"].map((id) => alertOf(id, { value: 1, updatedAt: at }));
  const book = bookOf(same, other);
  book.hear(alertOf("b", { value: 2, updatedAt: timestampOfMs(FIRST_MS + 1) }));
  book.take();
  book.refresh([alertOf("a", { value: 7, title: "now 7", updatedAt: at }), alertOf("b", { value: 1, updatedAt: at })]);
  book.refresh([alertOf("gone", { value: 9, updatedAt: at })]);
  expect(book.active.map(({ alert }) => [alert.title, alert.value])).toEqual([
    ["now 7", 7],
    ["alert b", 2],
  ]);
  expect(book.take().deltas.map(({ id }) => id)).toEqual(["a"]);
});

test("it knows the sites of what fires", () => {
  const [north, south] = ["north", "south"].map((site) => alertOf(site, { labels: { site } }));
  const book = bookOf(north, south, alertOf("a", { labels: { site: "north" } }));
  expect([...book.sites]).toEqual(["north", "south"]);
  book.hear(cleared(south));
  book.hear(cleared(north));
  expect([...book.sites]).toEqual(["north"]);
  book.hear(alertOf("b", { context: { device: "pump-1" } }));
  book.setSites((device) => (device === "pump-1" ? "west" : ""));
  expect([book.row("b")?.site, book.row("a")?.site]).toEqual(["west", "north"]);
  expect([...book.sites]).toEqual(["north", "west"]);
});

test("of two that acknowledge the same alert both are known", () => {
  const book = bookOf(alertOf("a"));
  book.hear(acknowledged(alertOf("a"), "Ada"));
  expect(book.row("a")?.acknowledgedBefore).toBe("");
  book.hear(acknowledged(alertOf("a"), "Ben"));
  expect(book.row("a")?.acknowledgedBefore).toBe("Ada");
  // Grown graver, it is nobody's again.
  book.hear(alertOf("a", { severity: "critical" }));
  expect(book.row("a")?.acknowledgedBefore).toBe("");
});
