/** A button that opens a menu. */
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { nextInMenu } from "./menu-keys.ts";
import { placeBelow } from "./place-below.ts";

export interface MenuItem {
  readonly label: string;
  choose(): void;
  readonly isDisabled?: boolean;
  readonly isDangerous?: boolean;
  /** Why it is disabled, or which key does the same. */
  readonly title?: string;
}

interface MenuProps {
  readonly label: string;
  /** Shown in the button in place of the label. */
  readonly children?: ComponentChildren;
  readonly items: readonly MenuItem[];
  readonly class?: string;
}

/** Arrows, Home, End and first letters move in it, Escape closes it; focus goes back to the button. */
export function Menu({ label, children, items, class: className = "" }: MenuProps) {
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [button, list] = [useRef<HTMLButtonElement>(null), useRef<HTMLDivElement>(null)];
  const entries = () => [...list.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const onToggle = (event: Pick<ToggleEvent, "newState">) => {
    const opens = event.newState === "open";
    setOpen(opens);
    if (!opens) return;
    placeBelow(list.current!, button.current!);
    entries()[0]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const next = nextInMenu(
      event.key,
      at,
      all.map(({ textContent }) => textContent),
    );
    if (event.key === "Tab") list.current!.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    all[next].focus();
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        class={className}
        popovertarget={id}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-label={children === undefined ? undefined : label}
        title={children === undefined ? undefined : label}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          list.current!.showPopover();
        }}
      >
        {children ?? (
          <>
            {label} <span aria-hidden="true">▾</span>
          </>
        )}
      </button>
      <div ref={list} id={id} role="menu" aria-label={label} class="menu" popover="auto" {...{ onToggle, onKeyDown }}>
        {items.map(({ label: text, choose, isDisabled = false, isDangerous = false, title }) => (
          <button
            type="button"
            role="menuitem"
            key={text}
            tabIndex={-1}
            aria-disabled={isDisabled}
            data-dangerous={isDangerous}
            title={title}
            onClick={() => {
              if (isDisabled) return;
              list.current!.hidePopover();
              choose();
            }}
          >
            {text}
          </button>
        ))}
      </div>
    </>
  );
}
