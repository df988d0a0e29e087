import { useState } from "preact/hooks";
import { IssueStatus } from "../../../wire/gen/issues_pb.ts";
import { wordsIn } from "../../data/annotation-pin.ts";
import { COLUMNS, PRIORITIES } from "../../data/issue-board.ts";
import { STATUS_WORDS } from "../../data/said.ts";
import { pathTo } from "../../route.ts";
import { user } from "../../user.ts";
import { changeIssue, changing, type IssueChanges } from "./change-issue.ts";
import type { IssueEditorProps } from "./issue-text.tsx";
import { Collaboration } from "../../../wire/gen/collaboration_pb.ts";
import { may } from "../../who.ts";

/** State, priority, assignee, labels, and what it is about; each change is one of its own. */
export function IssueFields({ issue, onChanged }: IssueEditorProps) {
  const { number, status, priority, assignee, labels } = issue;
  const [label, setLabel] = useState("");
  const change = async (changes: IssueChanges) => onChanged(await changeIssue(issue, changes));
  const isBusy = changing.value.has(number);
  const canChange = may(Collaboration.method.updateIssue);
  return (
    <aside class="issues-fields form" aria-label="What it is" aria-busy={isBusy}>
      <label class="field">
        State
        <select
          disabled={!canChange}
          value={String(status)}
          onChange={({ currentTarget }) => void change({ status: Number(currentTarget.value) as IssueStatus })}
        >
          {COLUMNS.map((each) => (
            <option key={each} value={String(each)}>
              {STATUS_WORDS[each]}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Priority
        <select
          disabled={!canChange}
          value={priority}
          onChange={({ currentTarget }) => void change({ priority: currentTarget.value })}
        >
          {PRIORITIES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      <label class="field">
        Assignee
        <input
          key={assignee}
          disabled={!canChange}
          defaultValue={assignee}
          placeholder="nobody"
          onChange={({ currentTarget }) => void change({ assignee: currentTarget.value.trim() })}
        />
      </label>
      {canChange && user.value !== "" && assignee !== user.value && (
        <button type="button" onClick={() => void change({ assignee: user.peek() })}>
          Assign to me
        </button>
      )}
      {canChange && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setLabel("");
            void change({ addLabels: wordsIn(label) });
          }}
        >
          <label class="field">
            Labels
            <input
              value={label}
              placeholder="add one, Enter"
              onInput={({ currentTarget }) => setLabel(currentTarget.value)}
            />
          </label>
        </form>
      )}
      <p class="issues-labels">
        {labels.map((each) => (
          <span class="issues-label" key={each}>
            {each}{" "}
            {canChange && (
              <button
                class="quiet"
                aria-label={`Take label ${each} away`}
                onClick={() => void change({ removeLabels: [each] })}
              >
                ✕
              </button>
            )}
          </span>
        ))}
      </p>
      <Links {...{ issue, onChanged }} />
    </aside>
  );
}

function Links({ issue, onChanged }: IssueEditorProps) {
  const { alertIds = [], devices = [], annotationIds = [], sessionIds = [] } = issue.links ?? {};
  const canChange = may(Collaboration.method.updateIssue);
  const change = async (changes: IssueChanges) => onChanged(await changeIssue(issue, changes));
  const [device, setDevice] = useState("");
  const rows = [
    ...alertIds.map((id) => ({
      text: `alert ${id.slice(0, 8)}`,
      href: pathTo("alerts", id),
      remove: { alertIds: [id] },
    })),
    ...devices.map((id) => ({ text: `device ${id}`, href: pathTo("devices", id), remove: { devices: [id] } })),
    ...sessionIds.map((id) => ({ text: `session ${id}`, href: pathTo("sessions", id), remove: { sessionIds: [id] } })),
    ...annotationIds.map((id) => ({
      text: `note ${id.slice(0, 8)}`,
      href: undefined,
      remove: { annotationIds: [id] },
    })),
  ];
  return (
    <>
      {canChange && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setDevice("");
            void change({ addLinks: { devices: wordsIn(device) } });
          }}
        >
          <label class="field">
            About devices
            <input
              value={device}
              placeholder="add one, Enter"
              onInput={({ currentTarget }) => setDevice(currentTarget.value)}
            />
          </label>
        </form>
      )}
      <ul class="issues-links">
        {rows.map(({ text, href, remove }) => (
          <li key={text}>
            {href === undefined ? text : <a href={href}>{text}</a>}{" "}
            {canChange && (
              <button class="quiet" aria-label={`Unlink ${text}`} onClick={() => void change({ removeLinks: remove })}>
                ✕
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
