import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { WatchpostError } from "../../src/model/errors.ts";
import { AcknowledgeAlertRequestSchema, Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { QueryRangeRequestSchema } from "../../src/wire/gen/history_pb.ts";
import { BackupRequestSchema } from "../../src/wire/gen/store_pb.ts";
import { ANONYMOUS, serverStreaming, unary, type CallContext, type MethodImpl } from "../../src/wire/service.ts";
import { accessRig } from "./rig.ts";

function by(principal: Partial<CallContext["principal"]>, peer = "10.0.0.9"): CallContext {
  const signal = new AbortController().signal;
  return { signal, principal: { ...ANONYMOUS, ...principal }, headers: new Map(), peer };
}

function called({ run }: MethodImpl, request: unknown, context: CallContext): unknown {
  return (run as (request: unknown, context: CallContext) => unknown)(request, context);
}

async function rig() {
  const { deeds, clock, troubles, journal } = await accessRig();
  let failure: Error | undefined;
  const done = async () => {
    if (failure) throw failure;
    return {};
  };
  const [ack, query, backup] = deeds.written([
    unary(Alerts.method.acknowledgeAlert, done),
    unary(Dashboard.method.queryRange, done),
    serverStreaming(Dashboard.method.backup, async function* () {
      yield {};
    }),
  ]);
  const list = async (wanted: { name?: string; action?: string; limit?: number; page?: string } = {}) => {
    const { deeds: found, nextPage } = await deeds.list({
      name: "",
      action: "",
      limit: 0,
      page: "",
      ...wanted,
    } as never);
    return {
      texts: found.map(({ name, via, address, action }) => `${name}/${via}/${address}/${action}`),
      found,
      nextPage,
    };
  };
  const acked = (id: string, context: CallContext, userId = "") =>
    called(ack, create(AcknowledgeAlertRequestSchema, { id, userId }), context) as Promise<unknown>;
  return {
    ...{ ack, query, backup, list, acked, clock, troubles, journal },
    fail: (error: Error) => void (failure = error),
  };
}

test("who changed something is there before they hear of it, with their address and what they asked", async () => {
  const { acked, query, list } = await rig();
  const ann = by({ name: "ann", isAuthenticated: true, via: "token" });
  await acked("a-1", ann, "somebody else");
  await called(query, create(QueryRangeRequestSchema), ann);
  await acked("a-2", by({}, "::1"), "bob");
  await acked("a-3", by({}, "fe80::7"));
  const { texts, found } = await list();
  expect(texts).toEqual([
    "anonymous//fe80::7/analytics.Alerts/AcknowledgeAlert",
    "bob//::1/analytics.Alerts/AcknowledgeAlert",
    "ann/token/10.0.0.9/analytics.Alerts/AcknowledgeAlert",
  ]);
  expect(found.at(-1)!.request).toBe('{id: "a-1", user_id: "somebody else"}');
});

test("what is refused is no deed; a stream is one once it begins", async () => {
  const { acked, backup, list, fail } = await rig();
  fail(new WatchpostError("NOT_FOUND", "there is none"));
  await expect(acked("a-1", by({}))).rejects.toThrow("there is none");
  expect((await list()).texts).toEqual([]);
  await Array.fromAsync(called(backup, create(BackupRequestSchema), by({})) as AsyncIterable<unknown>);
  expect((await list()).texts).toEqual(["anonymous//10.0.0.9/analytics.Dashboard/Backup"]);
});

test("they are listed by name and action, page after page, each once", async () => {
  const { acked, backup, list } = await rig();
  for (let i = 0; i < 450; i++) await acked(`a-${i}`, by({ name: i % 3 === 0 ? "ann" : "bob", isAuthenticated: true }));
  await Array.fromAsync(
    called(backup, create(BackupRequestSchema), by({ name: "ann", isAuthenticated: true })) as never,
  );
  const ids: string[] = [];
  for (let page = ""; ;) {
    const { found, nextPage } = await list({ name: "ann", action: "*/AcknowledgeAlert", limit: 40, page });
    ids.push(...found.map(({ request }) => /a-\d+/.exec(request)![0]));
    if (nextPage === "") break;
    page = nextPage;
  }
  const wanted = Array.from({ length: 150 }, (_, i) => `a-${i * 3}`).reverse();
  expect(ids).toEqual(wanted);
  await expect(list({ limit: 501 })).rejects.toThrow("limit is 501");
});

test("a long request is cut, and a journal that fails does not undo what is done", async () => {
  const { acked, list, journal, troubles } = await rig();
  await acked("x".repeat(5_000), by({}));
  expect((await list()).found[0].request).toBe(`{id: "${"x".repeat(500)}…"}`);
  journal.append = async () => {
    throw new Error("the disk is full");
  };
  await acked("a-1", by({}));
  expect(troubles.join()).toContain("the disk is full");
});

test("while the journal has no room a deed waits, and whoever did it with it; not for ever", async () => {
  const { acked, list, journal, troubles, clock } = await rig();
  journal.failure = new WatchpostError("RESOURCE_EXHAUSTED", "10000 wait to be committed", { retryAfterMs: 500 });
  let isAnswered = false;
  const waiting = acked("a-1", by({})).then(() => (isAnswered = true));
  await Bun.sleep(0);
  clock.advance(500);
  await Bun.sleep(0);
  expect(isAnswered).toBe(false);
  journal.failure = null;
  clock.advance(500);
  await waiting;
  expect((await list()).found.map(({ request }) => request)).toEqual(['{id: "a-1"}']);
  expect(troubles).toEqual([]);
  journal.failure = new WatchpostError("RESOURCE_EXHAUSTED", "the disk is full", { retryAfterMs: 500 });
  const given = acked("a-2", by({}));
  for (; troubles.length === 0; await Bun.sleep(0)) clock.advance(500);
  await given;
  expect(troubles.join()).toContain("the disk is full");
});
