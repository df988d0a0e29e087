/** Moving and resizing panels by pointer and by keyboard: gestures become places, the layout does the rest. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { COLUMNS, makingRoom, movedBy, resizedBy, settled, type Rect } from "./grid-layout.ts";

type Attributes = Readonly<Record<string, unknown>>;

export interface PanelHandles {
  /** Which one is moved or resized now. */
  readonly heldId: string | undefined;
  movesOf(id: string): Attributes;
  resizesOf(id: string): Attributes;
}

interface HandlesInput {
  /** As they are shown. */
  readonly rects: readonly Rect[];
  readonly grid: RefObject<HTMLElement | null>;
  readonly titleOf: (id: string) => string;
  /** Where all are now; those of one gesture are undone together. */
  onPlaces(rects: readonly Rect[], gesture: string): void;
  /** For those who do not see it. */
  onTold(text: string): void;
}

interface Gesture {
  readonly id: string;
  readonly name: string;
  /** Before it began. */
  readonly before: readonly Rect[];
  /** Now. */
  places: readonly Rect[];
}

type By = typeof movedBy;

const STEPS: Readonly<Record<string, readonly [columns: number, rows: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
/** Near the edge of the window it scrolls. */
const [EDGE_PX, SCROLL_PX] = [48, 12];

let gestures = 0;

export function usePanelHandles({ rects, grid, titleOf, onPlaces, onTold }: HandlesInput): PanelHandles {
  const [heldId, setHeldId] = useState<string | undefined>(undefined);
  const gesture = useRef<Gesture | undefined>(undefined);
  const present = useRef(rects);
  present.current = rects;
  const release = useRef(() => {});
  useEffect(() => () => release.current(), []);

  const put = (held: Gesture, places: readonly Rect[]) => {
    if (isSameLayout(held.places, places)) return;
    held.places = places;
    // Before the next rendering says so.
    present.current = places;
    onPlaces(places, held.name);
  };
  const end = () => {
    const held = gesture.current;
    if (held === undefined) return;
    gesture.current = undefined;
    setHeldId(undefined);
    // Undone meanwhile, it is over as it is.
    if (!isSameLayout(held.places, present.current)) return;
    put(held, settled(held.places));
    if (!isSameLayout(held.before, held.places))
      onTold(`${titleOf(held.id)}: ${placeText(rectIn(held.places, held.id))}`);
  };
  const begin = (id: string): Gesture => {
    end();
    const held = { id, name: `place ${++gestures}`, before: present.current, places: present.current };
    gesture.current = held;
    setHeldId(id);
    return held;
  };

  const onKeyDown = (id: string, event: KeyboardEvent) => {
    const isGoingOn = gesture.current?.id === id && isSameLayout(gesture.current.places, present.current);
    const held = isGoingOn ? gesture.current : undefined;
    if (event.key === "Escape" && held !== undefined) {
      event.preventDefault();
      put(held, held.before);
      end();
      onTold(`${titleOf(id)}: back where it was`);
    }
    const step = STEPS[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const now = held ?? begin(id);
    const from = rectIn(now.places, id);
    put(now, makingRoom(now.before, (event.shiftKey ? resizedBy : movedBy)(from, step[0], step[1])));
    const to = rectIn(now.places, id);
    onTold(`${titleOf(id)}: ${isSamePlace(from, to) ? "no further" : placeText(to)}`);
  };

  const onPointerDown = (id: string, by: By, event: PointerEvent) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const held = begin(id);
    const from = rectIn(held.places, id);
    const cell = cellOf(grid.current!);
    const startY = event.clientY + scrollY;
    let [x, y] = [event.clientX, event.clientY];
    let frame = 0;
    const place = () => {
      const columns = Math.round((x - event.clientX) / cell.widthPx);
      const rows = Math.round((y + scrollY - startY) / cell.heightPx);
      put(held, makingRoom(held.before, by(from, columns, rows)));
    };
    const scroll = () => {
      const speed = y > innerHeight - EDGE_PX ? SCROLL_PX : y < EDGE_PX ? -SCROLL_PX : 0;
      if (speed !== 0) {
        scrollBy(0, speed);
        place();
      }
      frame = requestAnimationFrame(scroll);
    };
    frame = requestAnimationFrame(scroll);
    const listening = new AbortController();
    const { signal } = listening;
    const stop = () => {
      cancelAnimationFrame(frame);
      listening.abort();
      end();
    };
    release.current = stop;
    const onMove = (moved: PointerEvent) => {
      [x, y] = [moved.clientX, moved.clientY];
      place();
    };
    handle.addEventListener("pointermove", onMove, { signal });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      handle.addEventListener(name, stop, { signal });
    }
  };

  return {
    heldId,
    movesOf: (id) => ({
      onKeyDown: (event: KeyboardEvent) => onKeyDown(id, event),
      onPointerDown: (event: PointerEvent) => onPointerDown(id, movedBy, event),
      onBlur: end,
    }),
    resizesOf: (id) => ({ onPointerDown: (event: PointerEvent) => onPointerDown(id, resizedBy, event) }),
  };
}

function cellOf(grid: HTMLElement): { widthPx: number; heightPx: number } {
  const { columnGap, rowGap, gridAutoRows } = getComputedStyle(grid);
  const gapPx = parseFloat(columnGap);
  return {
    widthPx: (grid.clientWidth + gapPx) / COLUMNS,
    heightPx: parseFloat(gridAutoRows) + parseFloat(rowGap),
  };
}

function rectIn(rects: readonly Rect[], id: string): Rect {
  return rects.find((rect) => rect.id === id)!;
}

function isSameLayout(a: readonly Rect[], b: readonly Rect[]): boolean {
  return a.length === b.length && a.every((rect, i) => isSamePlace(rect, b[i]));
}

function isSamePlace(a: Rect, b: Rect): boolean {
  return a.id === b.id && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

/** Counted from 1, as people do. */
function placeText({ x, y, width, height }: Rect): string {
  return `column ${x + 1}, row ${y + 1}, ${width} wide, ${height} high`;
}
