import { useState } from "preact/hooks";
import type { Issue } from "../../../wire/gen/issues_pb.ts";
import { changeIssue, changing } from "./change-issue.ts";
import { Collaboration } from "../../../wire/gen/collaboration_pb.ts";
import { may } from "../../who.ts";

export interface IssueEditorProps {
  readonly issue: Issue;
  onChanged(issue: Issue | undefined): void;
}

/** Title and description, and the form that changes them. */
export function IssueText({ issue, onChanged }: IssueEditorProps) {
  /** As it was when the edit began. */
  const [edited, setEdited] = useState<Issue>();
  const { number, title, description } = issue;
  if (edited === undefined) {
    return (
      <>
        <h1>
          #{String(number)} {title}{" "}
          {may(Collaboration.method.updateIssue) && (
            <button class="quiet" onClick={() => setEdited(issue)}>
              Edit
            </button>
          )}
        </h1>
        {description === "" ? <p class="dim">No description.</p> : <p class="issues-text">{description}</p>}
      </>
    );
  }
  const isOld = edited.revision < issue.revision;
  const save = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const changes = { title: String(data.get("title")).trim(), description: String(data.get("description")) };
    const saved = await changeIssue(edited, changes);
    onChanged(saved);
    if (saved !== undefined) setEdited(undefined);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void save(event.currentTarget);
      }}
    >
      <label class="field">
        Title
        <input name="title" required autofocus defaultValue={edited.title} />
      </label>
      <label class="field">
        Description
        <textarea name="description" rows={6} defaultValue={edited.description} />
      </label>
      {isOld && (
        <p role="alert">
          {issue.updatedBy} has changed it meanwhile. It is called “{issue.title}” now
          {issue.description === edited.description ? "" : `, and is described as “${issue.description}”`}.{" "}
          <button type="button" onClick={() => setEdited(issue)}>
            Save mine in its place
          </button>
        </p>
      )}
      <div class="actions">
        <button type="button" onClick={() => setEdited(undefined)}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={isOld || changing.value.has(number)}>
          Save
        </button>
      </div>
    </form>
  );
}
