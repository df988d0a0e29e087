/** Whom a node asks for what it has not got of the shared journal. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { readFromMembers } from "../../../src/cluster/shared/read-from-members.ts";
import { statePageMessage, statePageOf } from "../../../src/cluster/shared/state-pages.ts";
import type { StoredDocument } from "../../../src/model/journal.ts";
import { NodeRecordSchema, type SharedStatePage } from "../../../src/wire/gen/nodes_pb.ts";
import { changeOf, eventOf } from "../../log/journal-rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const PAGE = {
  state: { epoch: 2 ** 48 - 1, position: 2 ** 40, link: 2 ** 52, firstPosition: 3 },
  entries: [{ position: 2 ** 40, ...eventOf(-1) }],
  documents: [{ ...changeOf("k", 1), sort: -0.5 } as StoredDocument],
};

function member(nodeId: string, journalPosition: bigint, journalEpoch = 1n) {
  return create(NodeRecordSchema, { nodeId, name: nodeId, journalPosition, journalEpoch });
}

type Call = (nodeId: string) => AsyncIterable<SharedStatePage>;

async function read(call: Call, clock = new ManualClock()) {
  const asked: string[] = [];
  const members = [member("me", 9n), member("low", 5n), member("high", 8n), member("new", 0n, 0n)];
  const deps = {
    ...{ nodeId: "me", clock, members: () => members },
    call: ({ nodeId }: { nodeId: string }) => {
      asked.push(nodeId);
      return call(nodeId);
    },
  };
  const pages: SharedStatePage[] = [];
  let failure = "";
  try {
    for await (const page of readFromMembers(deps, 0, new AbortController().signal)) pages.push(page);
  } catch (error) {
    failure = String(error);
  }
  return { asked, pages: pages.length, failure };
}

const page = statePageMessage(PAGE);

test("pages are the same on the other side", () => {
  expect(statePageOf(page)).toEqual(PAGE);
});

test("whoever has most is asked first, and others where it does not answer", async () => {
  expect(
    await read(async function* () {
      yield page;
      yield page;
    }),
  ).toEqual({ asked: ["high"], pages: 2, failure: "" });
  expect(
    await read(async function* (nodeId) {
      if (nodeId === "high") throw new Error("refused");
      yield page;
    }),
  ).toEqual({ asked: ["high", "low"], pages: 1, failure: "" });
});

test("one that ends in the middle is no whole answer, nor are pages of two", async () => {
  const { asked, pages, failure } = await read(async function* () {
    yield page;
    throw new Error("broken");
  });
  expect([asked, pages]).toEqual([["high"], 1]);
  expect(failure).toContain("cannot be read from another node: high: broken");
});

test("one that tells nothing is not waited for", async () => {
  const clock = new ManualClock();
  const reading = read(async function* (nodeId) {
    if (nodeId === "high") await new Promise(() => {});
    yield page;
  }, clock);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10_000);
  expect(await reading).toEqual({ asked: ["high", "low"], pages: 1, failure: "" });
});
