/** kill -9 while issues are made and changed: what was answered stands, and no number is given twice. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { allIssues, createIssue, getIssueHistory, updateIssue } from "../../../src/client/issues.ts";
import { Connection } from "../../../src/client/connection.ts";
import type { Issue } from "../../../src/wire/gen/issues_pb.ts";
import { startServerProcess, tempDir } from "../../support/server-process.ts";

const WORKERS = 8;

test("what was answered stands over kills, with all that happened to it", async () => {
  using dir = tempDir("issues-kill");
  const data = join(dir.path, "data");
  const made = new Map<string, Issue>();
  const comments = new Set<string>();
  for (let life = 1; life <= 3; life++) {
    const server = await startServerProcess({ data });
    const connection = new Connection(server.grpc);
    const before = made.size;
    const work = Array.from({ length: WORKERS }, async (_, worker) => {
      for (let i = 0; ; i++) {
        const title = `life ${life} worker ${worker} issue ${i}`;
        const session = i % 2 === 0 ? "" : `s${worker}`;
        const issue = await createIssue(connection, { userId: "ann", title, sessionId: session }).catch(
          () => undefined,
        );
        if (issue === undefined) return;
        made.set(title, issue);
        if (made.size - before === 30) server.kill("SIGKILL");
        const comment = `${issue.number} by worker ${worker}`;
        const change = { number: issue.number, revision: 1n, comment };
        await updateIssue(connection, change).then(
          () => comments.add(comment),
          () => {},
        );
      }
    });
    await Promise.all(work);
    await server.exited;
    connection.close();
  }

  const server = await startServerProcess({ data });
  const connection = new Connection(server.grpc);
  try {
    const all = await Array.fromAsync(allIssues(connection, {}));
    expect(all.map(({ number }) => number)).toEqual(all.map((_, i) => BigInt(all.length - i)));
    const titles = new Map(all.map((issue) => [issue.title, issue]));
    expect(titles.size).toBe(all.length);
    for (const [title, { number }] of made) expect(titles.get(title)?.number).toBe(number);
    for (const { number, revision } of all) {
      const { issue, timeline } = await getIssueHistory(connection, number);
      expect(timeline.map((event) => event.revision)).toEqual(
        Array.from({ length: Number(revision) }, (_, i) => BigInt(i + 1)),
      );
      for (const { text } of issue!.comments) comments.delete(text);
    }
    expect([...comments]).toEqual([]);
    const next = await createIssue(connection, { title: "next" });
    expect(next.number).toBe(BigInt(all.length + 1));
  } finally {
    connection.close();
    await server.stop();
  }
}, 120_000);
