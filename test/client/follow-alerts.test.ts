/** Following alerts over streams that break off: nothing is missing, nothing comes twice. */
import { expect, test } from "bun:test";
import { Connection, type Retry } from "../../src/client/connection.ts";
import { followAlerts, type AlertNews } from "../../src/client/follow-alerts.ts";
import { onlyAcknowledged } from "../../src/client/only-acknowledged.ts";
import { WatchpostError, type StatusName } from "../../src/model/errors.ts";
import { AlertChange, Alerts, AlertState, type AlertSubscription } from "../../src/wire/gen/alerts_pb.ts";
import { serverStreaming } from "../../src/wire/service.ts";
import { startToyServer } from "../support/toy-server.ts";

const { SNAPSHOT, FIRED, CLEARED, ACKNOWLEDGED, SEVERITY_ROSE } = AlertChange;

type Sent = { id?: string; change?: AlertChange; cursor?: string; snapshotEnd?: boolean; [field: string]: unknown };

const standing = (id: string, more: object = {}): Sent => ({ id, change: SNAPSHOT, ...more });
const end = (cursor: string): Sent => ({ snapshotEnd: true, cursor });
const change = (id: string, kind: AlertChange, cursor: string, more: object = {}): Sent => ({
  id,
  change: kind,
  cursor,
  ...more,
});

/** Each stream sends what its part says, then fails as it says; the last one stays open. */
async function follow(
  streams: readonly (readonly [sent: readonly Sent[], status?: StatusName | "end"])[],
  stopAfter: number,
  begin: { cursor?: string } = {},
) {
  const requests: AlertSubscription[] = [];
  const retries: Retry[] = [];
  await using toy = await startToyServer([
    serverStreaming(Alerts.method.subscribeAlerts, async function* (request, { signal }) {
      const [sent, status] = streams[requests.length];
      requests.push(request);
      for (const one of sent) yield one as never;
      if (status === "end") return;
      if (status !== undefined) throw new WatchpostError(status, "as the test wants it");
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }),
  ]);
  const connection = new Connection(toy.address, { random: () => 0 });
  const leaving = new AbortController();
  const heard: string[] = [];
  try {
    const options = { signal: leaving.signal, onRetry: (retry: Retry) => void retries.push(retry) };
    for await (const news of followAlerts(connection, { severities: ["high"], ...begin }, options)) {
      heard.push(wordOf(news));
      if (heard.length === stopAfter) leaving.abort();
    }
  } finally {
    connection.close();
  }
  return {
    heard,
    requests,
    cursors: requests.map(({ cursor }) => cursor),
    retries: retries.map(({ error }) => error.status),
  };
}

function wordOf(news: AlertNews): string {
  if (news.kind === "change") return `${news.alert.id} ${AlertChange[news.alert.change]}`;
  return `[${news.alerts.map(({ id }) => id).join()}] ${news.cursor}`;
}

test("a snapshot is told when it is whole; changes come after it, and the next stream goes on behind the last", async () => {
  const { heard, cursors, requests, retries } = await follow(
    [
      [[standing("a"), standing("b")], "UNAVAILABLE"],
      [[standing("b"), standing("c"), end("1"), change("d", FIRED, "2")], "UNAVAILABLE"],
      [[change("d", CLEARED, "3")], "INTERNAL"],
      [[], "UNKNOWN"],
      [[change("e", FIRED, "4")]],
    ],
    4,
  );
  expect(heard).toEqual(["[b,c] 1", "d FIRED", "d CLEARED", "e FIRED"]);
  expect(cursors).toEqual(["", "", "2", "3", "3"]);
  expect(retries).toEqual(["UNAVAILABLE", "UNAVAILABLE", "INTERNAL", "UNKNOWN"]);
  for (const request of requests) expect(request).toMatchObject({ updates: true, severities: ["high"] });
});

test("a stream that ends by itself, as when the server stops, is gone on with", async () => {
  const { heard, cursors } = await follow([[[end("1")], "end"], [[change("a", FIRED, "2")]]], 2);
  expect([heard, cursors]).toEqual([
    ["[] 1", "a FIRED"],
    ["", "1"],
  ]);
});

test("behind what has no cursor nobody can go on: it may never have been", async () => {
  const { heard, cursors } = await follow(
    [
      [[end("1"), change("a", FIRED, "")], "UNAVAILABLE"],
      [[standing("b"), end("2"), change("c", FIRED, ""), change("c", FIRED, "3")], "UNAVAILABLE"],
      [[change("c", CLEARED, "4")]],
    ],
    6,
  );
  expect(heard).toEqual(["[] 1", "a FIRED", "[b] 2", "c FIRED", "c FIRED", "c CLEARED"]);
  expect(cursors).toEqual(["", "", "3"]);
});

test("where the server cannot go on a further snapshot comes, at once", async () => {
  const { heard, cursors, retries } = await follow(
    [
      [[standing("a"), end("1"), change("b", FIRED, "2")], "UNAVAILABLE"],
      [[], "OUT_OF_RANGE"],
      [[standing("c"), end("1'")]],
    ],
    3,
  );
  expect(heard).toEqual(["[a] 1", "b FIRED", "[c] 1'"]);
  expect(cursors).toEqual(["", "2", ""]);
  expect(retries).toEqual(["UNAVAILABLE"]);
});

test("begins behind a cursor that is given", async () => {
  const { heard, cursors } = await follow([[[change("a", FIRED, "8")]]], 1, { cursor: "7" });
  expect([heard, cursors]).toEqual([["a FIRED"], ["7"]]);
});

test("what cannot be mended by trying again fails", async () => {
  for (const status of ["INVALID_ARGUMENT", "PERMISSION_DENIED", "OUT_OF_RANGE"] as const) {
    await expect(follow([[[], status]], 1)).rejects.toMatchObject({ status });
  }
});

test("of all alerts those that are acknowledged: they appear, and leave, with the change that does it", async () => {
  const active = { state: AlertState.ACTIVE };
  const taken = { ...active, acknowledged: true };
  const stream = async function* (): AsyncGenerator<AlertNews, void> {
    const news = (id: string, kind: AlertChange, more: object) => {
      return { kind: "change", alert: { id, change: kind, removed: false, ...more } } as never;
    };
    yield {
      kind: "snapshot",
      alerts: [
        { id: "a", ...taken },
        { id: "b", ...active },
      ] as never,
      cursor: "",
    };
    yield news("b", ACKNOWLEDGED, taken);
    yield news("c", FIRED, active);
    yield news("a", SEVERITY_ROSE, active);
    yield news("a", ACKNOWLEDGED, taken);
    yield news("c", CLEARED, { state: AlertState.CLEARED });
    yield news("b", CLEARED, { state: AlertState.CLEARED, acknowledged: true, removed: true });
    yield { kind: "snapshot", alerts: [{ id: "d", ...active }] as never, cursor: "" };
    yield news("a", SEVERITY_ROSE, active);
  };
  const heard: string[] = [];
  for await (const news of onlyAcknowledged(stream())) {
    heard.push(wordOf(news) + (news.kind === "change" && news.alert.removed ? " removed" : ""));
  }
  expect(heard).toEqual([
    "[a] ",
    "b ACKNOWLEDGED",
    "a SEVERITY_ROSE removed",
    "a ACKNOWLEDGED",
    "b CLEARED removed",
    "[] ",
  ]);
});
