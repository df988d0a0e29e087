import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect, useState } from "preact/hooks";
import type { GetIssueResponse, Issue } from "../../../wire/gen/issues_pb.ts";
import { collaborationApi } from "../../api.ts";
import { issues, put } from "../../data/issues.ts";
import { poll } from "../../data/poll.ts";
import { GUEST } from "../../data/presence.ts";
import { errorText, failureText } from "../../errors.ts";
import { msOf } from "../../format.ts";
import { Empty } from "../../parts/empty.tsx";
import { NameWanted } from "../../parts/name-field.tsx";
import { Age, Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../page-title.ts";
import { user } from "../../user.ts";
import { IssueFields } from "./issue-fields.tsx";
import { IssueHistory } from "./issue-history.tsx";
import { IssueText } from "./issue-text.tsx";
import { Collaboration } from "../../../wire/gen/collaboration_pb.ts";
import { may } from "../../who.ts";

const AGAIN_MS = 5_000;

export function IssuePage({ number }: { number: string }) {
  const [answer, setAnswer] = useState<GetIssueResponse>();
  const [failure, setFailure] = useState("");
  usePageTitle(`#${number} ${answer?.issue?.title ?? ""}`);
  // Where another revision is heard of, all of it is read: streams tell no comments.
  const heard = issues.value.get(number)?.revision ?? 0n;
  useEffect(() => {
    // After a restore it may be an earlier one; those that are over need not be heard of.
    if (answer?.issue !== undefined && (heard === 0n || heard === answer.issue.revision)) return;
    const controller = new AbortController();
    const { signal } = controller;
    const asked = { number: BigInt(number) };
    poll({
      ask: () => collaborationApi.getIssue(asked, { signal }),
      onAnswer: (got) => {
        setAnswer(got);
        setFailure("");
      },
      onFailure: (error) => {
        const isNone = ConnectError.from(error).code === Code.NotFound;
        setFailure(isNone ? `There is no issue ${number}` : `It cannot be read: ${failureText(error)}`);
      },
      ...{ everyMs: AGAIN_MS, isOnce: true, signal, page: document },
    });
    return () => controller.abort();
  }, [heard, number]);
  if (failure !== "" && answer === undefined) {
    return (
      <>
        <h1>Issue {number}</h1>
        <Empty title={failure}>
          <a href="/issues">See all issues</a>
        </Empty>
      </>
    );
  }
  const issue = answer?.issue;
  if (issue === undefined) return <p role="status">Reading issue {number}…</p>;
  const changed = (next: Issue | undefined) => next !== undefined && put(next);
  const { createdAt, createdBy, updatedAt, updatedBy } = issue;
  return (
    <article class="issues-page">
      <p>
        <a href="/issues">All issues</a>
      </p>
      {failure !== "" && <p role="alert">{failure}</p>}
      <IssueText issue={issue} onChanged={changed} />
      <p class="dim">
        opened by {createdBy} <Time ms={msOf(createdAt)} />, changed by {updatedBy} <Age ms={msOf(updatedAt)} /> ago
      </p>
      <div class="issues-two">
        <div>
          <h2>Comments</h2>
          <ol class="issues-comments">
            {issue.comments.map(({ userId, text, at }, i) => (
              <li key={i}>
                <b>{userId}</b> <Time ms={msOf(at)} />
                <p class="issues-text">{text}</p>
              </li>
            ))}
          </ol>
          {issue.comments.length === 0 && <p class="dim">Nobody has said anything yet.</p>}
          {may(Collaboration.method.commentIssue) && <CommentForm issue={issue} />}
          <IssueHistory answer={answer!} />
        </div>
        <IssueFields issue={issue} onChanged={changed} />
      </div>
    </article>
  );
}

function CommentForm({ issue }: { issue: Issue }) {
  const [text, setText] = useState("");
  const [failure, setFailure] = useState("");
  const say = async () => {
    try {
      const asked = { number: issue.number, userId: user.peek() || GUEST, text };
      put((await collaborationApi.commentIssue(asked)).issue!);
      setText("");
      setFailure("");
    } catch (error) {
      setFailure(errorText(error));
    }
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void say();
      }}
    >
      <NameWanted />
      <label class="field">
        Comment
        <textarea required rows={2} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
      </label>
      {failure !== "" && <p role="alert">{failure}</p>}
      <div class="actions">
        <button type="submit" disabled={text.trim() === ""}>
          Comment
        </button>
      </div>
    </form>
  );
}
