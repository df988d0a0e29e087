import { useComputed } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { IssueStatus, type Issue } from "../../../wire/gen/issues_pb.ts";
import { COLUMNS, columnsOf, PRIORITIES, statusBeside, type BoardFilter } from "../../data/issue-board.ts";
import { areIssuesKnown, issues, overPage, readOver } from "../../data/issues.ts";
import { STATUS_WORDS } from "../../data/said.ts";
import { countText } from "../../format.ts";
import { useKeys, type Key } from "../../keys.ts";
import { Empty } from "../../parts/empty.tsx";
import { route, setParams } from "../../route.ts";
import { user } from "../../user.ts";
import { Card } from "./card.tsx";
import { held, onBoardPointerDown } from "./card-drag.ts";
import { changing, moveIssue } from "./change-issue.ts";
import { NewIssue } from "./new-issue.tsx";
import { Collaboration } from "../../../wire/gen/collaboration_pb.ts";
import { may } from "../../who.ts";

const SHOWN_FIRST = 50;
const MOVING_KEYS: readonly Key[] = [
  { keys: ">", label: "Move the focused issue on", run: () => moveFocused(1) },
  { keys: "<", label: "Move the focused issue back", run: () => moveFocused(-1) },
];

export function Board() {
  const { params } = route.value;
  const field = (name: string) => params.get(name) ?? "";
  const filter: BoardFilter = {
    ...{ text: field("find"), device: field("device"), session: field("session"), alert: field("alert") },
    ...{ priority: field("priority"), assignee: params.has("mine") ? user.value : "" },
  };
  const { text, device, session, alert } = filter;
  useEffect(() => void readOver(filter, true), [text, device, session, alert]);
  const canCreate = may(Collaboration.method.createIssue);
  const canMove = may(Collaboration.method.updateIssue);
  useKeys("Issues", canMove ? MOVING_KEYS : []);
  const columns = columnsOf(issues.value.values(), filter);
  const count = [...columns.values()].reduce((sum, { length }) => sum + length, 0);
  const isFiltered = Object.values(filter).some((value) => value !== "");
  return (
    <>
      <h1>Issues</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Find{" "}
          <input
            type="search"
            data-hotkey="/"
            placeholder="text, label, number"
            value={text}
            onInput={({ currentTarget }) => setParams({ find: currentTarget.value })}
          />
        </label>
        <label>
          Priority{" "}
          <select
            value={filter.priority}
            onChange={({ currentTarget }) => setParams({ priority: currentTarget.value })}
          >
            <option value="">all</option>
            {PRIORITIES.map((priority) => (
              <option key={priority}>{priority}</option>
            ))}
          </select>
        </label>
        <label class="check" title={user.value === "" ? "Say your name first" : ""}>
          <input
            type="checkbox"
            checked={params.has("mine") && user.value !== ""}
            disabled={user.value === ""}
            onChange={({ currentTarget }) => setParams({ mine: currentTarget.checked ? "1" : "" })}
          />
          mine
        </label>
        {(["device", "session", "alert"] as const).map(
          (name) =>
            filter[name] !== "" && (
              <button key={name} type="button" onClick={() => setParams({ [name]: "" })} title="Take this filter away">
                {name} {filter[name].slice(0, 40)} ✕
              </button>
            ),
        )}
        {canCreate && <NewIssue />}
      </form>
      {!areIssuesKnown.value && <p role="status">Reading issues…</p>}
      {areIssuesKnown.value && count === 0 && overPage.value !== undefined && (
        <Empty title={isFiltered ? "No issue is like that" : "There is no issue yet"}>
          {isFiltered
            ? "Take a part of what you look for away."
            : canCreate
              ? "Make one of what has to be done, here, of an alert, or in a session with /issue TITLE."
              : "They are made by operators, of alerts and in sessions."}
        </Empty>
      )}
      {areIssuesKnown.value && (count > 0 || isFiltered) && (
        <div class="issues-board" {...(canMove && { onPointerDown: onBoardPointerDown })}>
          {COLUMNS.map((status) => (
            <Column key={status} status={status} all={columns.get(status)!} filter={filter} />
          ))}
          <HeldCard />
        </div>
      )}
    </>
  );
}

/** What goes with the pointer; the card itself stays where it is until the server has moved it. */
function HeldCard() {
  const { issue, x, y } = held.value ?? {};
  if (issue === undefined) return null;
  return (
    <div
      class="issues-held ellipsis"
      aria-hidden="true"
      style={{ transform: `translate(${x}px, ${y}px) translateX(-50%)` }}
    >
      #{String(issue.number)} {issue.title}
    </div>
  );
}

function moveFocused(step: 1 | -1): void {
  const id = document.activeElement?.closest(".issues-card")?.id.replace("issue-", "") ?? "";
  const issue = issues.peek().get(id);
  const next = issue && statusBeside(issue.status, step);
  if (next !== undefined && !changing.peek().has(issue!.number)) void moveIssue(issue!, next);
}

interface ColumnProps {
  readonly status: IssueStatus;
  readonly all: readonly Issue[];
  readonly filter: BoardFilter;
}

function Column({ status, all, filter }: ColumnProps) {
  const [shown, setShown] = useState(SHOWN_FIRST);
  const isOver = useComputed(() => held.value?.over === status).value;
  const title = STATUS_WORDS[status];
  const mayBeMore = status === IssueStatus.CLOSED && overPage.value?.next !== undefined && overPage.value.next !== "";
  return (
    <section class="issues-column" data-status={status} data-over={isOver} aria-label={title}>
      <h2>
        {title} <span class="dim">{countText(all.length)}</span>
      </h2>
      <ul>
        {all.slice(0, shown).map((issue) => (
          <Card key={String(issue.number)} issue={issue} />
        ))}
      </ul>
      {all.length > shown && (
        <button class="quiet" onClick={() => setShown(shown + SHOWN_FIRST)}>
          {countText(all.length - shown)} more
        </button>
      )}
      {mayBeMore && (
        <button class="quiet" onClick={() => void readOver(filter, false)}>
          Earlier ones that are over
        </button>
      )}
      {status === IssueStatus.CLOSED && overPage.value !== undefined && overPage.value.failure !== "" && (
        <p role="alert">Those that are over could not be read: {overPage.value.failure}</p>
      )}
    </section>
  );
}
