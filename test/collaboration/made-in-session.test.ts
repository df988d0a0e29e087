/** What of a session stands beside its messages: issues that are linked to it, found without looking through the others. */
import { expect, test } from "bun:test";
import { madeInSession } from "../../src/collaboration/made-in-session.ts";
import { SetAside } from "../../src/model/set-aside.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { IssueStatus } from "../../src/wire/gen/issues_pb.ts";
import { IssuesRig } from "./issues/issues-rig.ts";

const { createIssue, updateIssue } = Collaboration.method;

test("issues of a session are those linked to it, open or not, however many others there are", async () => {
  const rig = await IssuesRig.open();
  const made = madeInSession(rig.journal, new SetAside(() => {}));
  const numbers = async (sessionId: string) => (await made.issuesOf(sessionId)).map(({ number }) => Number(number));
  const link = (number: number, changed: object) => rig.call(updateIssue, { number: BigInt(number), ...changed });

  for (let i = 1; i <= 300; i++) {
    await rig.call(createIssue, { title: `issue ${i}`, links: { sessionIds: i % 100 === 7 ? ["s"] : ["other"] } });
  }
  await link(7, { status: IssueStatus.RESOLVED, comment: "done" });
  await link(5, { addLinks: { sessionIds: ["s"] } });
  await link(107, { removeLinks: { sessionIds: ["s"] } });
  expect(await numbers("s")).toEqual([5, 7, 207]);
  expect((await made.issuesOf("s"))[1].comments.map(({ text }) => text)).toEqual(["done"]);

  let looked = 0;
  const { documents, document } = rig.journal;
  rig.journal.documents = async (query) => {
    const found = await documents.call(rig.journal, query);
    looked += found.length;
    return found;
  };
  rig.journal.document = (...place) => (looked++, document.apply(rig.journal, place));
  expect(await numbers("s")).toEqual([5, 7, 207]);
  expect(looked).toBe(6);
  expect(await numbers("nobody's")).toEqual([]);
});
