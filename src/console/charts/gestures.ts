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
  /** What was moved is to be where it was, as live as it was. */
  onUnmoved(): void;
  /** Whether another range can be shown: otherwise fingers and pointer look. */
  canMove(): boolean;
  /** Back to what is now. */
  onReset(): void;
  /** Whether drawing a range marks it without the key for it. */
  isMarking(): boolean;
}

const [CHOSEN_MIN_PX, MOVED_MIN_PX] = [6, 10];
const [PAN_STEP, ZOOM_STEP, LOOK_STEP] = [0.25, 2, 0.02];
/** From where one tap ends until the next one begins, and how far apart, as phones have it. */
const [DOUBLE_TAP_MS, DOUBLE_TAP_PX] = [300, 40];

/** A pointer that is down. */
interface Drag {
  /** "undecided": a finger that taps, moves the chart, or scrolls the page. */
  readonly kind: "choose" | "mark" | "pan" | "look" | "undecided";
  readonly startX: number;
  readonly startY: number;
  readonly isSecondTap: boolean;
  /** What was shown when it came down, and where. */
  readonly range: PlotRange;
  readonly left: number;
  readonly width: number;
}

/** Listens until `signal` is aborted. `over`: what the plot's values lie in; `focused`: what has the keys. */
export function listenForGestures(
  over: HTMLElement,
  focused: HTMLElement,
  gestures: Gestures,
  signal: AbortSignal,
): void {
  const fingers = new Map<number, number>();
  let drag: Drag | undefined;
  let pinch: { distance: number; middle: number; range: PlotRange } | undefined;
  /** The last one: when it ended, and where. */
  let tap: { readonly endMs: number; readonly x: number; readonly y: number } | undefined;
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
    const unmarked = !gestures.canMove() ? "look" : event.shiftKey ? "pan" : isTouch ? "undecided" : "choose";
    const { clientX: startX, clientY: startY } = event;
    const kind = isMark ? "mark" : unmarked;
    const isSecondTap = isTouch && isSoonAfter(tap, event);
    drag = { kind, startX, startY, isSecondTap, range: gestures.range(), left: box.left, width: box.width };
    tap = undefined;
  });
  on(over, "pointermove", (event) => {
    const { clientX } = event;
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, clientX);
    if (pinch !== undefined && fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      return gestures.onMoved(zoomed(pinch.range, pinch.distance / Math.max(10, Math.abs(a - b)), pinch.middle), false);
    }
    if (drag?.kind === "undecided" && isAcross(drag, event)) drag = { ...drag, kind: "pan" };
    if (drag?.kind === "pan") return gestures.onMoved(moved(clientX), false);
    gestures.onHover(timeAt(clientX));
    if (drag?.kind === "choose" || drag?.kind === "mark") gestures.onDraw(chosen(clientX));
  });
  const end = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    if (pinch !== undefined) {
      if (fingers.size === 0) pinch = undefined;
      if (fingers.size === 1) gestures.onMoved(gestures.range(), true);
      return;
    }
    if (drag === undefined) return;
    const { kind, startX, isSecondTap } = drag;
    if (kind === "pan") gestures.onMoved(moved(event.clientX), true);
    else if ((kind === "choose" || kind === "mark") && Math.abs(event.clientX - startX) >= CHOSEN_MIN_PX)
      gestures.onChosen(chosen(event.clientX), kind === "mark");
    else if (kind === "undecided") {
      gestures.onHover(timeAt(event.clientX));
      if (isSecondTap) gestures.onReset();
      else tap = { endMs: event.timeStamp, x: event.clientX, y: event.clientY };
    }
    gestures.onDraw(undefined);
    drag = undefined;
  };
  // Where it was then is not told: the browser scrolls the page with it.
  const cancel = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    if (pinch !== undefined || drag?.kind === "pan") gestures.onUnmoved();
    gestures.onDraw(undefined);
    if (fingers.size === 0) pinch = undefined;
    drag = undefined;
  };
  on(over, "pointerup", end);
  on(over, "pointercancel", cancel);
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
    if (drag?.kind === "pan") gestures.onUnmoved();
    drag = undefined;
  };
  on(focused, "keydown", (event) => (event.key === "Escape" ? onEscape() : onKey(event, gestures)), false);
  on(focused, "blur", () => gestures.onHover(undefined));
}

/** Down is the page's. */
function isAcross({ startX, startY }: Drag, { clientX, clientY }: PointerEvent): boolean {
  const acrossPx = Math.abs(clientX - startX);
  return acrossPx >= MOVED_MIN_PX && acrossPx > Math.abs(clientY - startY);
}

function isSoonAfter(
  tap: { readonly endMs: number; readonly x: number; readonly y: number } | undefined,
  { timeStamp, clientX, clientY }: PointerEvent,
): boolean {
  if (tap === undefined || timeStamp - tap.endMs > DOUBLE_TAP_MS) return false;
  return Math.hypot(clientX - tap.x, clientY - tap.y) <= DOUBLE_TAP_PX;
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
