/** A field that suggests what could be typed, asked for while one types. */
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { errorText, isCancelled } from "../errors.ts";
import { countText } from "../format.ts";
import { placeBelow } from "./place-below.ts";

export interface Suggestion {
  readonly value: string;
  /** Shown beside it, dim. */
  readonly detail?: string;
}

export interface Suggestions {
  readonly items: readonly Suggestion[];
  /** How many more there are, where that is known. */
  readonly more?: number;
}

interface SuggestProps {
  readonly label: string;
  readonly value: string;
  /** Chosen, or typed and left with Enter, Tab or a click elsewhere: then the focus is not there any more. */
  onChange(value: string, hasFocus: boolean): void;
  /** For what was typed ("" too); the former is aborted. */
  suggest(typed: string, options: { signal: AbortSignal }): Promise<Suggestions>;
  readonly placeholder?: string;
  /** Such as "/". */
  readonly hotkey?: string;
  /** What is wrong with the value. */
  readonly error?: string;
  readonly size?: number;
  readonly isLabelHidden?: boolean;
  /** Takes the focus as it appears. */
  readonly isFocused?: boolean;
  /** What is chosen is added to others that stand elsewhere: the field is empty again, for the next. */
  readonly isAdding?: boolean;
}

const ASKED_AFTER_MS = 120;

export function Suggest(props: SuggestProps) {
  const { label, value, onChange, placeholder, hotkey, error = "", size = 24, isLabelHidden = false } = props;
  const [inputId, listId, errorId] = [useId(), useId(), useId()];
  const [typed, setTyped] = useState(value);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  /** Whoever is told may take the field away, which blurs it. */
  const hasChosen = useRef(false);
  const pointed = useRef<string>(undefined);
  /** Of what keys point at: whoever is quick presses the next one before anything is drawn. */
  const placeOf = (among: Suggestions["items"]) => among.findIndex((item) => item.value === pointed.current);
  const { items, more, failure, isAsking } = useSuggestions(props.suggest, typed, isOpen);
  const [input, list] = [useRef<HTMLInputElement>(null), useRef<HTMLDivElement>(null)];

  useEffect(() => {
    if (props.isFocused) input.current!.focus();
  }, []);
  // At once: an effect that comes later takes the first letters of whoever types as soon as the field is there.
  useLayoutEffect(() => setTyped(value), [value]);
  // An answer that comes after a choice was made does not take it back.
  useEffect(() => setAt(placeOf(items)), [items]);
  useEffect(() => {
    const popup = list.current!;
    if (!isOpen) return popup.hidePopover();
    popup.showPopover();
    placeBelow(popup, input.current!);
  }, [isOpen, items]);
  useEffect(() => list.current!.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);

  const choose = (chosen: string, hasFocus = true) => {
    hasChosen.current = true;
    pointed.current = undefined;
    setTyped(props.isAdding === true ? value : chosen);
    setOpen(false);
    if (chosen !== value) onChange(chosen, hasFocus);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) return setOpen(true);
      // One more place: what was typed, with nothing chosen.
      const places = items.length + 1;
      const now = placeOf(items);
      const next = ((now + 1 + (key === "ArrowDown" ? 1 : -1) + places) % places) - 1;
      setAt(next);
      pointed.current = items[next]?.value;
    } else if (key === "Enter") {
      event.preventDefault();
      choose(items[placeOf(items)]?.value ?? input.current!.value);
    } else if (key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    }
  };
  return (
    <span class="suggest">
      <label for={inputId} class={isLabelHidden ? "unseen" : ""}>
        {label}
      </label>
      <input
        ref={input}
        id={inputId}
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        aria-autocomplete="list"
        aria-expanded={isOpen}
        aria-controls={listId}
        aria-activedescendant={at >= 0 ? `${listId}-${at}` : undefined}
        aria-invalid={error !== ""}
        aria-describedby={error === "" ? undefined : errorId}
        data-hotkey={hotkey}
        value={typed}
        {...{ placeholder, size, onKeyDown }}
        onFocus={({ currentTarget }) => {
          hasChosen.current = false;
          currentTarget.select();
        }}
        onClick={() => setOpen(true)}
        onInput={({ currentTarget }) => {
          setTyped(currentTarget.value);
          pointed.current = undefined;
          hasChosen.current = false;
          setOpen(true);
        }}
        onBlur={() => !hasChosen.current && (isOpen || typed !== value) && choose(typed, false)}
      />
      <div ref={list} class="suggest-list" popover="manual">
        <div id={listId} role="listbox" aria-label={label}>
          {items.map((item, i) => (
            <div
              role="option"
              key={item.value}
              id={`${listId}-${i}`}
              aria-selected={i === at}
              // Focus stays in the field.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(item.value)}
            >
              {item.value} {item.detail !== undefined && <span class="dim">{item.detail}</span>}
            </div>
          ))}
        </div>
        <p role="status" class="dim">
          {failure !== "" && `No suggestions: ${failure}`}
          {failure === "" && items.length === 0 && (isAsking ? "…" : "Nothing matches")}
          {more > 0 && `${countText(more)} more; type on`}
        </p>
      </div>
      {error !== "" && (
        <span id={errorId} class="field-error">
          {error}
        </span>
      )}
    </span>
  );
}

interface Asked {
  readonly items: readonly Suggestion[];
  readonly more: number;
  readonly failure: string;
}

const NONE: Asked = { items: [], more: 0, failure: "" };

function useSuggestions(suggest: SuggestProps["suggest"], typed: string, isWanted: boolean) {
  const [asked, setAsked] = useState(NONE);
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    // What was found before is not what is asked for next.
    if (!isWanted) return setAsked(NONE);
    const controller = new AbortController();
    const { signal } = controller;
    const ask = async () => {
      try {
        const { items, more = 0 } = await suggest(typed, { signal });
        if (!signal.aborted) setAsked({ items, more, failure: "" });
      } catch (error) {
        if (!signal.aborted && !isCancelled(error)) setAsked({ ...NONE, failure: errorText(error) });
      }
      if (!signal.aborted) setAsking(false);
    };
    setAsking(true);
    const timer = setTimeout(ask, ASKED_AFTER_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [typed, isWanted]);
  return { ...asked, isAsking };
}
