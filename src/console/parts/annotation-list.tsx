import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import { collaborationApi } from "../api.ts";
import { areAnnotationsCut } from "../data/annotations.ts";
import { pinText } from "../data/said.ts";
import { msOf } from "../format.ts";
import { user } from "../user.ts";
import { confirm, Dialog } from "./dialog.tsx";
import { tell, tellError } from "./tell.ts";
import { Time } from "./time.tsx";
import { Collaboration } from "../../wire/gen/collaboration_pb.ts";
import { may } from "../who.ts";

const [SHOWN_MAX, ASKED_LENGTH] = [200, 80];

interface AnnotationListProps {
  readonly all: readonly Annotation[];
  onEdit(annotation: Annotation): void;
  onClose(): void;
}

/** The notes of a chart, to be read; one's own to be changed. */
export function AnnotationList({ all, onEdit, onClose }: AnnotationListProps) {
  return (
    <Dialog title="Notes on this chart" onClose={onClose} isWide>
      <ul class="rows">
        {all.slice(0, SHOWN_MAX).map((annotation) => {
          const { id, from, to, text, tags, author, editedBy, pin } = annotation;
          return (
            <li key={id}>
              <Time ms={msOf(from)} />
              {to !== undefined && (
                <>
                  {" "}
                  to <Time ms={msOf(to)} />
                </>
              )}{" "}
              <b>{author}</b>: {text}{" "}
              <span class="dim">
                {[pinText(pin), ...tags.map((tag) => `#${tag}`), editedBy && `edited by ${editedBy}`]
                  .filter(Boolean)
                  .join(" · ")}
              </span>{" "}
              {author === user.value && may(Collaboration.method.editAnnotation) && (
                <button type="button" class="quiet" onClick={() => onEdit(annotation)}>
                  Edit
                </button>
              )}
              {author === user.value && may(Collaboration.method.removeAnnotation) && (
                <button type="button" class="quiet" onClick={() => void remove(annotation)}>
                  Remove
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {all.length > SHOWN_MAX && <p>The latest {SHOWN_MAX}; choose a shorter range to see the others.</p>}
      {areAnnotationsCut.value && <p>There are more than can be held: the earliest are left out.</p>}
    </Dialog>
  );
}

async function remove({ id, revision, text }: Annotation): Promise<void> {
  const isWanted = await confirm({
    title: "Remove this note?",
    text: text.slice(0, ASKED_LENGTH),
    action: "Remove it",
    isDangerous: true,
  });
  if (!isWanted) return;
  try {
    await collaborationApi.removeAnnotation({ id, revision, userId: user.peek() });
    tell("The note is removed; its history is kept.");
  } catch (error) {
    tellError(error);
  }
}
