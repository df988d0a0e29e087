const MARGIN_PX = 4;

/** Puts what is over the page (fixed) below an element, above it where there is more room, and inside the window. */
export function placeBelow(over: HTMLElement, anchor: Element): void {
  const { left, top, bottom, width } = anchor.getBoundingClientRect();
  over.style.minWidth = `${width}px`;
  const [room, roomAbove] = [innerHeight - bottom, top].map((px) => px - 2 * MARGIN_PX);
  const isAbove = over.scrollHeight > room && roomAbove > room;
  over.style.maxHeight = `${isAbove ? roomAbove : room}px`;
  over.style.left = `${Math.max(MARGIN_PX, Math.min(left, innerWidth - over.offsetWidth - MARGIN_PX))}px`;
  over.style.top = isAbove ? "auto" : `${bottom + MARGIN_PX}px`;
  over.style.bottom = isAbove ? `${innerHeight - top + MARGIN_PX}px` : "auto";
}
