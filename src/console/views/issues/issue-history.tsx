import { useState } from "preact/hooks";
import type { GetIssueResponse, IssueChange, IssueEvent } from "../../../wire/gen/issues_pb.ts";
import { collaborationApi } from "../../api.ts";
import { errorText } from "../../errors.ts";
import { msOf } from "../../format.ts";
import { Time } from "../../parts/time.tsx";

/** What became of it, the last change first. */
export function IssueHistory({ answer: { issue, timeline, nextPage } }: { answer: GetIssueResponse }) {
  const [earlier, setEarlier] = useState<readonly IssueEvent[]>([]);
  const [page, setPage] = useState<string>();
  const [failure, setFailure] = useState("");
  const next = page ?? nextPage;
  const readEarlier = async () => {
    try {
      const got = await collaborationApi.getIssue({ number: issue!.number, page: next });
      setEarlier([...got.timeline, ...earlier]);
      setPage(got.nextPage);
    } catch (error) {
      setFailure(errorText(error));
    }
  };
  const all = [...earlier, ...timeline].toReversed();
  return (
    <details class="issues-history">
      <summary>History</summary>
      <ol>
        {all.map(({ at, userId, revision, changes }) => (
          <li key={String(revision)}>
            <Time ms={msOf(at)} /> <b>{userId}</b> {changes.map(changeText).join(", ")}
          </li>
        ))}
      </ol>
      {failure !== "" && <p role="alert">{failure}</p>}
      {next !== "" && <button onClick={() => void readEarlier()}>Earlier changes</button>}
    </details>
  );
}

const TEXT_SHOWN = 80;

function changeText({ field, before, after }: IssueChange): string {
  const [from, to] = [before, after].map((text) => (text.length > TEXT_SHOWN ? `${text.slice(0, TEXT_SHOWN)}…` : text));
  if (field === "created") return "opened it";
  if (field === "comment") return `said “${to}”`;
  if (field === "description") return "changed the description";
  if (field === "label" || field === "link") return before === "" ? `added ${field} ${to}` : `removed ${field} ${from}`;
  return `${field}: ${from || "nobody"} → ${to || "nobody"}`;
}
