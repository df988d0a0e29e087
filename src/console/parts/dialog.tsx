/** Dialogs over the page: the browser's own, so that focus stays inside, Escape closes, and focus goes back where it was. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Toasts } from "./toast.tsx";

export interface DialogProps {
  readonly title: string;
  /** Escape and the cross: whoever shows the dialog takes it away, or not, where something would be lost. */
  onClose(): void;
  readonly children: ComponentChildren;
  readonly isWide?: boolean;
}

/** Open for as long as it is rendered. The first field is focused, or what has `autofocus`. */
export function Dialog({ title, onClose, children, isWide = false }: DialogProps) {
  const place = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = place.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={place}
      class="dialog"
      data-wide={isWide}
      aria-labelledby={titleId}
      onCancel={(event) => {
        // Of a file field, too, and those bubble.
        if (event.target !== event.currentTarget) return;
        event.preventDefault();
        onClose();
      }}
      // Browsers close at a second Escape whatever is wanted.
      onClose={({ target }) => (target as Element).isConnected && target === place.current && onClose()}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
      <button type="button" class="quiet dialog-close" aria-label="Close" title="Close (Escape)" onClick={onClose}>
        ✕
      </button>
      <Toasts />
    </dialog>
  );
}

export interface Question {
  readonly title: string;
  /** What follows from it. */
  readonly text?: ComponentChildren;
  /** What the button says: "Delete 3 devices". */
  readonly action: string;
  readonly isDangerous?: boolean;
}

interface OpenQuestion extends Question {
  answer(isWanted: boolean): void;
}

const questions = signal<readonly OpenQuestion[]>([]);

/** Asks before something that cannot be taken back. */
export function confirm(question: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const open: OpenQuestion = {
      ...question,
      answer(isWanted) {
        questions.value = questions.value.filter((each) => each !== open);
        resolve(isWanted);
      },
    };
    questions.value = [...questions.value, open];
  });
}

/** Where what `confirm` asks is shown; the shell has it. */
export function Questions() {
  const [question] = questions.value;
  if (question === undefined) return null;
  const { title, text, action, isDangerous, answer } = question;
  return (
    <Dialog key={title} title={title} onClose={() => answer(false)}>
      {text !== undefined && <div class="dialog-text">{text}</div>}
      <div class="actions">
        <button type="button" autofocus onClick={() => answer(false)}>
          Cancel
        </button>
        <button type="button" class={isDangerous ? "danger" : "primary"} onClick={() => answer(true)}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
