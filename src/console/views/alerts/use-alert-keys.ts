import { useEffect, useRef } from "preact/hooks";

const SEQUENCE_MS = 1_000;

/** Single keys of the view, wherever the focus is: not while one types, in dialogs and menus, or behind a "g". */
export function useAlertKeys(onKey: (key: string) => boolean): void {
  const latest = useRef(onKey);
  latest.current = onKey;
  useEffect(() => {
    let goMs = -Infinity;
    const listen = (event: KeyboardEvent) => {
      const { key, target, ctrlKey, metaKey, altKey, timeStamp, defaultPrevented } = event;
      const isElsewhere = (target as Element).closest(
        "input:not([type=checkbox]), select, textarea, dialog, [popover]",
      );
      if (defaultPrevented || ctrlKey || metaKey || altKey || isElsewhere) return;
      const isSecond = timeStamp - goMs < SEQUENCE_MS;
      goMs = key === "g" ? timeStamp : -Infinity;
      if (!isSecond && key !== "g" && latest.current(key)) event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
