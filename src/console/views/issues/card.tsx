import { useComputed } from "@preact/signals";
import type { Issue } from "../../../wire/gen/issues_pb.ts";
import { COLUMNS } from "../../data/issue-board.ts";
import { STATUS_WORDS } from "../../data/said.ts";
import { msOf } from "../../format.ts";
import { keyTitle } from "../../keys.ts";
import { Menu } from "../../parts/menu.tsx";
import { Severity } from "../../parts/status.tsx";
import { Age } from "../../parts/time.tsx";
import { pathTo } from "../../route.ts";
import { user } from "../../user.ts";
import { held } from "./card-drag.ts";
import { assignIssue, changing, moveIssue } from "./change-issue.ts";
import { Collaboration } from "../../../wire/gen/collaboration_pb.ts";
import { may } from "../../who.ts";

const LINKS_SHOWN = 2;

/** On the board: dragged, or moved by its menu or with < and >. */
export function Card({ issue }: { issue: Issue }) {
  const { number, title, priority, assignee, labels, links, status, updatedAt } = issue;
  const isHeld = useComputed(() => held.value?.issue.number === number).value;
  const canMove = may(Collaboration.method.updateIssue);
  const isChanging = changing.value.has(number);
  const devices = links?.devices ?? [];
  return (
    <li class="issues-card" id={`issue-${number}`} aria-busy={isChanging} data-held={isHeld}>
      {canMove && (
        <span class="issues-handle" aria-hidden="true">
          ⠿
        </span>
      )}
      <a
        href={pathTo("issues", String(number))}
        draggable={false}
        title={canMove ? keyTitle("Move it", "< and >") : title}
      >
        #{String(number)} {title}
      </a>
      {canMove && (
        <Menu
          label={`What to do with issue ${number}`}
          class="quiet"
          items={[
            ...COLUMNS.filter((each) => each !== status).map((each) => ({
              label: `Move to ${STATUS_WORDS[each]}`,
              choose: () => void moveIssue(issue, each),
            })),
            {
              label: "Assign to me",
              choose: () => void assignIssue(issue, user.peek()),
              isDisabled: user.value === "",
            },
            { label: "Assign to nobody", choose: () => void assignIssue(issue, ""), isDisabled: assignee === "" },
          ]}
        >
          ⋯
        </Menu>
      )}
      <p class="dim">
        <Severity severity={priority} /> {assignee === "" ? "nobody" : <b>{assignee}</b>}
        {labels.map((label) => (
          <span class="issues-label" key={label}>
            {label}
          </span>
        ))}
        {devices.slice(0, LINKS_SHOWN).map((device) => (
          <a key={device} href={pathTo("devices", device)}>
            {device}
          </a>
        ))}
        {devices.length > LINKS_SHOWN && <span>+{devices.length - LINKS_SHOWN}</span>}
        <span class="issues-age">
          <Age ms={msOf(updatedAt)} />
        </span>
      </p>
    </li>
  );
}
