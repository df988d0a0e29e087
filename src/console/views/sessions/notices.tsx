/** What commands show to whoever typed them. */
import { CHAT_COMMANDS } from "../../../model/chat-command.ts";
import { alertList } from "../../data/alerts.ts";
import type { Room } from "../../data/room.ts";
import { nameOf, STATUS_WORDS } from "../../data/said.ts";
import { msOf } from "../../format.ts";
import { Severity } from "../../parts/status.tsx";
import { Age } from "../../parts/time.tsx";
import { pathTo } from "../../route.ts";

const SHOWN_MAX = 20;
const ID_SHOWN = 8;

export function CommandHelp() {
  return (
    <dl>
      {CHAT_COMMANDS.map(({ usage, what }) => (
        <div key={usage}>
          <dt>
            <code>{usage}</code>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}

export function ActiveAlerts() {
  const all = alertList.value;
  if (all.length === 0) return <p>No alert is active.</p>;
  return (
    <ul>
      {all.slice(0, SHOWN_MAX).map(({ id, severity, title, acknowledged, acknowledgedBy }) => (
        <li key={id}>
          <code>{id.slice(0, ID_SHOWN)}</code> <Severity severity={severity} />{" "}
          <a href={pathTo("alerts", id)}>{title}</a>
          {acknowledged && <span class="dim"> acknowledged by {acknowledgedBy}</span>}
        </li>
      ))}
      {all.length > SHOWN_MAX && <li>and {all.length - SHOWN_MAX} more</li>}
    </ul>
  );
}

export function OpenIssues({ room }: { room: Room }) {
  const issues = [...room.issues.value.values()];
  if (issues.length === 0) return <p>No issue of this session is open.</p>;
  return (
    <ul>
      {issues.slice(0, SHOWN_MAX).map(({ number, title, priority, status, assignee }) => (
        <li key={String(number)}>
          <a href={pathTo("issues", String(number))}>
            #{String(number)} {title}
          </a>{" "}
          <span class="dim">{[priority, STATUS_WORDS[status], assignee].filter((part) => part !== "").join(", ")}</span>
        </li>
      ))}
      {issues.length > SHOWN_MAX && <li>and {issues.length - SHOWN_MAX} more</li>}
    </ul>
  );
}

export function WhoIsHere({ room }: { room: Room }) {
  return (
    <ul>
      {[...room.members.value.values()].map((member) => (
        <li key={member.userId}>
          {nameOf(member)}
          {member.userName !== "" && member.userName !== member.userId && <span class="dim"> ({member.userId})</span>}
          <span class="dim">
            , here for <Age ms={msOf(member.joinedAt)} />
          </span>
        </li>
      ))}
    </ul>
  );
}
