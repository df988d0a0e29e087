/** Following issues over streams that break off: nothing is missing, nothing comes twice. */
import { expect, test } from "bun:test";
import { Connection } from "../../src/client/connection.ts";
import { followIssues } from "../../src/client/follow-issues.ts";
import { WatchpostError, type StatusName } from "../../src/model/errors.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { serverStreaming } from "../../src/wire/service.ts";
import { startToyServer } from "../support/toy-server.ts";

type Sent = { issue?: { number: bigint; revision: bigint }; cursor?: string; removed?: boolean; snapshotEnd?: boolean };

const one = (number: number, revision: number, cursor = "", removed = false): Sent => {
  return { issue: { number: BigInt(number), revision: BigInt(revision) }, cursor, removed };
};
const mark = (cursor: string): Sent => ({ snapshotEnd: true, cursor });

/** Each stream sends what its part says, then fails as it says; the last one stays open. */
async function follow(
  streams: readonly (readonly [sent: readonly Sent[], status?: StatusName])[],
  stopAfter: number,
  cursor = "",
) {
  const cursors: string[] = [];
  await using toy = await startToyServer([
    serverStreaming(Collaboration.method.watchIssues, async function* (request, { signal }) {
      const [sent, status] = streams[cursors.length];
      cursors.push(request.cursor);
      yield* sent;
      if (status !== undefined) throw new WatchpostError(status, "as the test wants it");
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }),
  ]);
  const connection = new Connection(toy.address, { random: () => 0 });
  const controller = new AbortController();
  const told: string[] = [];
  try {
    for await (const news of followIssues(connection, { filter: {}, cursor }, { signal: controller.signal })) {
      if (news.kind === "snapshot")
        told.push(`all ${news.issues.map(({ number, revision }) => `${number}r${revision}`).join(" ")}`);
      else
        told.push(
          `${news.update.issue!.number}r${news.update.issue!.revision}${news.update.removed ? " removed" : ""}`,
        );
      if (told.length === stopAfter) controller.abort();
    }
    return { told, cursors };
  } catch (error) {
    return { told, cursors, error: String(error) };
  } finally {
    connection.close();
  }
}

test("a snapshot is whole, with what changed while it was read; changes follow, and a new stream goes on behind the last", async () => {
  const first = [
    one(3, 1),
    one(2, 1),
    one(1, 1),
    one(1, 2),
    one(4, 1),
    one(2, 2, "", true),
    mark("c1"),
    one(1, 3, "c2"),
  ];
  const streams = [[first, "UNAVAILABLE"], [[one(1, 4, "c3"), one(4, 2, "c4", true)]]] as const;
  expect(await follow(streams, 4)).toEqual({
    told: ["all 4r1 3r1 1r2", "1r3", "1r4", "4r2 removed"],
    cursors: ["", "c2"],
  });
});

test("a snapshot that breaks off is begun anew", async () => {
  const streams = [[[one(2, 1)], "UNAVAILABLE"], [[one(3, 1), mark("c1")]]] as const;
  expect(await follow(streams, 1)).toEqual({ told: ["all 3r1"], cursors: ["", ""] });
});

test("a cursor that the server cannot go on from brings a further snapshot", async () => {
  const streams = [[[one(1, 2, "c8")], "UNAVAILABLE"], [[], "OUT_OF_RANGE"], [[one(1, 1), mark("c1")]]] as const;
  expect(await follow(streams, 2, "c7")).toEqual({ told: ["1r2", "all 1r1"], cursors: ["c7", "c8", ""] });
});

test("what cannot be retried is thrown", async () => {
  const failed = await follow([[[mark("c1")], "PERMISSION_DENIED"]], 9);
  expect(failed).toMatchObject({ told: ["all "], error: expect.stringContaining("as the test wants it") });
});
