import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/**
 * Of links that stand at every row of a list Tab comes to one, at first the last; arrows, Home and End go to the others.
 * `links`: selects them. `rows`: other ones may have come or gone. Returns what hears the keys of the list.
 */
export function useRovingLinks(list: RefObject<HTMLElement | null>, links: string, rows: unknown) {
  const current = useRef<HTMLElement | undefined>(undefined);
  const choose = (link: HTMLElement | undefined) => {
    if (current.current !== undefined) current.current.tabIndex = -1;
    if (link !== undefined) link.tabIndex = 0;
    current.current = link;
  };
  const all = () => [...list.current!.querySelectorAll<HTMLElement>(links)];
  useLayoutEffect(() => {
    if (current.current === undefined || current.current !== document.activeElement) choose(all().at(-1));
  }, [rows]);
  return (event: KeyboardEvent) => {
    if (!(event.target as Element).matches(links)) return;
    const found = all();
    const at = found.indexOf(event.target as HTMLElement);
    const goals: Readonly<Record<string, number>> = {
      ArrowUp: at - 1,
      ArrowDown: at + 1,
      Home: 0,
      End: found.length - 1,
    };
    const goal = found[goals[event.key] ?? -1];
    if (goal === undefined) return;
    event.preventDefault();
    choose(goal);
    goal.focus();
  };
}
