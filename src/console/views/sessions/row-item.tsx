import { Component } from "preact";
import { Collaboration, type CollaborationMessage } from "../../../wire/gen/collaboration_pb.ts";
import type { AlertNotice } from "../../data/alert-notices.ts";
import type { Known } from "../../data/linked-text.ts";
import type { RoomRow } from "../../data/room-rows.ts";
import { nameOf, saidIn, titleOf } from "../../data/said.ts";
import { dayText, msOf } from "../../format.ts";
import { Severity } from "../../parts/status.tsx";
import { Time } from "../../parts/time.tsx";
import { pathTo } from "../../route.ts";
import { LinkedText } from "./linked-text.tsx";
import { may } from "../../who.ts";

interface RowItemProps {
  readonly row: RoomRow;
  readonly userId: string;
  readonly known: Known;
}

/** One at each message: too many to come to each with Tab. */
export const ISSUE_LINKS = ".sessions-more";
/** Longer ones are shown in part until all is asked for. */
const SHOWN_LENGTH = 4_000;
const COMINGS_SHOWN = 3;

/** Of thousands of rows only those that changed are made anew. */
export class RowItem extends Component<RowItemProps> {
  override shouldComponentUpdate({ row, userId }: RowItemProps): boolean {
    return userId !== this.props.userId || !isSame(row, this.props.row);
  }

  override render() {
    return <Item {...this.props} />;
  }
}

function Item({ row, userId, known }: RowItemProps) {
  switch (row.kind) {
    case "day":
      return <li class="sessions-day">{dayText(row.atMs)}</li>;
    case "new":
      return <li class="sessions-new">new since you were here</li>;
    case "comings":
      return (
        <li class="sessions-told">
          <Time ms={row.atMs} /> {comingsText(row.texts)}
        </li>
      );
    case "alert":
      return <AlertItem notice={row.notice} />;
    case "message":
      return <MessageItem row={row} userId={userId} known={known} />;
  }
}

/** Of many the last ones. */
function comingsText(texts: readonly string[]): string {
  const before = texts.length - COMINGS_SHOWN;
  return [...(before > 0 ? [`${before} came and went`] : []), ...texts.slice(-COMINGS_SHOWN)].join(", ");
}

function AlertItem({ notice: { atMs, alertId, severity, title, became } }: { notice: AlertNotice }) {
  return (
    <li class="sessions-told">
      <Time ms={atMs} /> <Severity severity={severity} /> <a href={pathTo("alerts", alertId)}>{title}</a> {became}
    </li>
  );
}

function MessageItem({ row, userId, known }: RowItemProps & { row: Extract<RoomRow, { kind: "message" }> }) {
  const { message, goesOn } = row;
  const { how, text } = saidIn(message);
  const { annotation } = message;
  return (
    <li class={`sessions-${how}`} data-own={message.userId === userId} id={`m${message.number}`}>
      <Time ms={msOf(message.timestamp)} />{" "}
      {how !== "told" && <strong class={goesOn ? "unseen" : ""}>{nameOf(message)}</strong>}{" "}
      {text.length <= SHOWN_LENGTH ? (
        <LinkedText text={text} known={known} />
      ) : (
        <>
          {text.slice(0, SHOWN_LENGTH)}
          <details>
            <summary>{(text.length - SHOWN_LENGTH).toLocaleString()} more characters</summary>
            {text.slice(SHOWN_LENGTH)}
          </details>
        </>
      )}
      {how === "said" && " "}
      {how === "said" && may(Collaboration.method.createIssue) && (
        <a
          class="sessions-more"
          tabIndex={-1}
          href={newIssueHref(message)}
          title="Make an issue of it; arrows go to other messages"
        >
          issue…
        </a>
      )}
      {annotation !== undefined && annotation.from !== undefined && (
        <span class="dim">
          {" "}
          {annotation.to === undefined ? "at" : "from"} <Time ms={msOf(annotation.from)} />
          {annotation.to !== undefined && (
            <>
              {" to "}
              <Time ms={msOf(annotation.to)} />
            </>
          )}
        </span>
      )}
    </li>
  );
}

function newIssueHref({ message, sessionId, sealed }: CollaborationMessage): string {
  // Issues are not encrypted: what was said in an encrypted session goes into none by itself.
  const [title] = sealed === undefined ? message.trim().split("\n") : [""];
  return `/issues?${new URLSearchParams({ new: titleOf(title), session: sessionId })}`;
}

function isSame(a: RoomRow, b: RoomRow): boolean {
  if (a.kind === "message" && b.kind === "message") return a.message === b.message && a.goesOn === b.goesOn;
  if (a.kind === "comings" && b.kind === "comings")
    return a.texts.length === b.texts.length && a.texts.at(-1) === b.texts.at(-1);
  return a.kind === b.kind && a.key === b.key;
}
