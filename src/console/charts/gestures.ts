/** What pointer, fingers and keys do to a chart: look at a time, choose a range, move, come closer. */
import type { PlotRange } from "./plot-model.ts";
import { panned, zoomed } from "./moved-range.ts";

export interface Gestures {
  /** The range that is shown, and the time at a place of it, from 0 (left) to 1. */
  range(): PlotRange;
  /** The time that is looked at; undefined: none. */
  hovered(): number | undefined;
  /** Undefined: the pointer left. */
  onHover(timeMs: number | undefined): void;
  /** While a range is drawn; undefined: no more. */
  onDraw(range: PlotRange | undefined): void;
  onChosen(range: PlotRange, isMarked: boolean): void;
  /** The range to show; while it is moved `isDone` is false. */
  onMoved(range: PlotRange, isDone: boolean): void;
  /** Back to what is now. */
  onReset(): void;
  /** Whether drawing a range marks it without the key for it. */
  isMarking(): boolean;
}

const [CHOSEN_MIN_PX, MOVED_MIN_PX] = [6, 8];
const [PAN_STEP, ZOOM_STEP, LOOK_STEP] = [0.25, 2, 0.02];
const DOUBLE_TAP_MS = 350;

/** Listens until `signal` is aborted. `over`: what the plot's values lie in; `focused`: what has the keys. */
export function listenForGestures(
  over: HTMLElement,
  focused: HTMLElement,
  gestures: Gestures,
  signal: AbortSignal,
): void {
  const fingers = new Map<number, number>();
  let drag:
    | { kind: "choose" | "mark" | "pan" | "undecided"; startX: number; range: PlotRange; left: number; width: number }
    | undefined;
  let pinch: { distance: number; middle: number; range: PlotRange } | undefined;
  let tappedMs = -Infinity;
  const timeAt = (clientX: number, range = gestures.range(), box = over.getBoundingClientRect()) => {
    const part = Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    return range.fromMs + part * (range.toMs - range.fromMs);
  };
  const chosen = (clientX: number): PlotRange => {
    const [a, b] = [timeAt(drag!.startX, drag!.range), timeAt(clientX, drag!.range)];
    return a < b ? { fromMs: a, toMs: b } : { fromMs: b, toMs: a };
  };
  const moved = (clientX: number): PlotRange => {
    const { range, startX, width } = drag!;
    return panned(range, ((startX - clientX) / width) * (range.toMs - range.fromMs));
  };
  const on = <K extends keyof HTMLElementEventMap>(
    target: HTMLElement,
    name: K,
    act: (event: HTMLElementEventMap[K]) => void,
    passive = true,
  ) => target.addEventListener(name, act, { signal, passive });

  on(over, "pointerdown", (event) => {
    if (event.button !== 0) return;
    over.setPointerCapture(event.pointerId);
    const box = over.getBoundingClientRect();
    const isTouch = event.pointerType === "touch";
    fingers.set(event.pointerId, event.clientX);
    if (isTouch && fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      pinch = { distance: Math.max(10, Math.abs(a - b)), middle: timeAt((a + b) / 2), range: gestures.range() };
      drag = undefined;
      return gestures.onDraw(undefined);
    }
    const isMark = event.altKey || gestures.isMarking();
    const kind = isMark ? "mark" : event.shiftKey ? "pan" : isTouch ? "undecided" : "choose";
    drag = { kind, startX: event.clientX, range: gestures.range(), left: box.left, width: box.width };
  });
  on(over, "pointermove", (event) => {
    const { clientX } = event;
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, clientX);
    if (pinch !== undefined && fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      return gestures.onMoved(zoomed(pinch.range, pinch.distance / Math.max(10, Math.abs(a - b)), pinch.middle), false);
    }
    if (drag?.kind === "undecided" && Math.abs(clientX - drag.startX) >= MOVED_MIN_PX) drag = { ...drag, kind: "pan" };
    if (drag?.kind === "pan") return gestures.onMoved(moved(clientX), false);
    gestures.onHover(timeAt(clientX));
    if (drag?.kind === "choose" || drag?.kind === "mark") gestures.onDraw(chosen(clientX));
  });
  const end = (event: PointerEvent, isCancelled: boolean) => {
    fingers.delete(event.pointerId);
    if (pinch !== undefined) {
      if (fingers.size === 0) pinch = undefined;
      if (fingers.size === 1) gestures.onMoved(gestures.range(), true);
      return;
    }
    if (drag === undefined) return;
    const { kind, startX } = drag;
    if (kind === "pan") gestures.onMoved(moved(event.clientX), true);
    else if (!isCancelled && kind !== "undecided" && Math.abs(event.clientX - startX) >= CHOSEN_MIN_PX)
      gestures.onChosen(chosen(event.clientX), kind === "mark");
    else if (kind === "undecided" && !isCancelled) {
      gestures.onHover(timeAt(event.clientX));
      if (event.timeStamp - tappedMs < DOUBLE_TAP_MS) gestures.onReset();
      tappedMs = event.timeStamp;
    }
    gestures.onDraw(undefined);
    drag = undefined;
  };
  on(over, "pointerup", (event) => end(event, false));
  on(over, "pointercancel", (event) => end(event, true));
  on(
    over,
    "pointerleave",
    (event) => event.pointerType !== "touch" && drag === undefined && gestures.onHover(undefined),
  );
  on(over, "dblclick", () => gestures.onReset());
  // A wheel alone scrolls the page.
  const onWheel = (event: WheelEvent) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    gestures.onMoved(zoomed(gestures.range(), 2 ** (event.deltaY / 200), timeAt(event.clientX)), true);
  };
  on(over, "wheel", onWheel, false);
  const onEscape = () => {
    gestures.onDraw(undefined);
    gestures.onHover(undefined);
    if (drag?.kind === "pan") gestures.onMoved(drag.range, true);
    drag = undefined;
  };
  on(focused, "keydown", (event) => (event.key === "Escape" ? onEscape() : onKey(event, gestures)), false);
  on(focused, "blur", () => gestures.onHover(undefined));
}

function onKey(event: KeyboardEvent, gestures: Gestures): void {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const range = gestures.range();
  const stepMs = (range.toMs - range.fromMs) * PAN_STEP;
  const look = (part: number) => {
    const fromMs = gestures.hovered() ?? (part < 0 ? range.toMs : range.fromMs);
    const toMs = fromMs + part * LOOK_STEP * (range.toMs - range.fromMs);
    gestures.onHover(Math.min(range.toMs, Math.max(range.fromMs, toMs)));
  };
  const moves: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => (event.shiftKey ? look(-1) : gestures.onMoved(panned(range, -stepMs), true)),
    ArrowRight: () => (event.shiftKey ? look(1) : gestures.onMoved(panned(range, stepMs), true)),
    "+": () => gestures.onMoved(zoomed(range, 1 / ZOOM_STEP), true),
    "=": () => gestures.onMoved(zoomed(range, 1 / ZOOM_STEP), true),
    "-": () => gestures.onMoved(zoomed(range, ZOOM_STEP), true),
    "0": () => gestures.onReset(),
    Home: () => gestures.onReset(),
  };
  const move = moves[event.key];
  if (move === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  move();
}
