import { useLayoutEffect, useState } from "preact/hooks";
import { rowWindow } from "./row-window.ts";

/** Until it was measured. */
const FIRST = { from: 0, to: 40 };

interface RowWindowOptions {
  /** Of a row within the place, to see how high each is. */
  readonly selector: string;
  /** Until there is one. */
  readonly rowPx: number;
  /** False: nothing is followed. */
  readonly isWanted?: boolean;
}

/** Which of `count` rows are seen, whatever scrolls, and how high each is. */
export function useRowWindow(
  place: { readonly current: HTMLElement | null },
  count: number,
  { selector, rowPx: usualPx, isWanted = true }: RowWindowOptions,
) {
  const [seen, setSeen] = useState(FIRST);
  const [rowPx, setRowPx] = useState(usualPx);
  useLayoutEffect(() => {
    if (!isWanted) return;
    let frame = 0;
    const measure = () => {
      frame = 0;
      if (place.current === null) return;
      const px = place.current.querySelector(selector)?.getBoundingClientRect().height || usualPx;
      const next = rowWindow(place.current.getBoundingClientRect().top, innerHeight, px, count);
      setRowPx(px);
      setSeen((before) => (before.from === next.from && before.to === next.to ? before : next));
    };
    const soon = () => (frame ||= requestAnimationFrame(measure));
    measure();
    addEventListener("scroll", soon, { capture: true, passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon, { capture: true });
      removeEventListener("resize", soon);
    };
  }, [count, isWanted]);
  return { seen, rowPx };
}
