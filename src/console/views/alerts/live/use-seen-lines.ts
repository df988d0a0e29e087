import { useLayoutEffect, useState } from "preact/hooks";
import { rowWindow, type RowWindow } from "../../../parts/row-window.ts";

const FIRST: RowWindow = { from: 0, to: 40 };
const LINE_PX = 48;

/** Which lines are seen, whatever scrolls, and how high each is. */
export function useSeenLines(place: { readonly current: HTMLElement | null }, count: number) {
  const [seen, setSeen] = useState(FIRST);
  const [linePx, setLinePx] = useState(LINE_PX);
  useLayoutEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      if (place.current === null) return;
      const px = place.current.querySelector(".alerts-line")?.getBoundingClientRect().height || LINE_PX;
      const next = rowWindow(place.current.getBoundingClientRect().top, innerHeight, px, count);
      setLinePx(px);
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
  }, [count]);
  return { seen, linePx };
}
