/** Dragging a card to another column: with the mouse anywhere on it, with a finger by its handle, since elsewhere a finger scrolls. */
import { signal } from "@preact/signals";
import type { Issue, IssueStatus } from "../../../wire/gen/issues_pb.ts";
import { issues } from "../../data/issues.ts";
import { changing, moveIssue } from "./change-issue.ts";

/** What is dragged just now. */
export interface Held {
  readonly issue: Issue;
  /** Of the pointer, in the window. */
  readonly x: number;
  readonly y: number;
  /** Of the column below it. */
  readonly over: IssueStatus | undefined;
}

export const held = signal<Held>();

const DRAGGED_FROM_PX = 6;
const [EDGE_PX, SCROLL_PX] = [48, 10];

/** The pointer is down on the board: once it has moved, the card below it goes with it, until it is released or Escape is pressed. */
export function onBoardPointerDown(event: PointerEvent): void {
  const [from, board] = [event.target as Element, event.currentTarget as HTMLElement];
  const { pointerId, pointerType, clientX: startX, clientY: startY } = event;
  const issue = issues.peek().get(from.closest(".issues-card")?.id.replace("issue-", "") ?? "");
  const isByHandle = from.closest(".issues-handle") !== null;
  if (event.button !== 0 || issue === undefined || changing.peek().has(issue.number)) return;
  if (held.peek() !== undefined || from.closest("button, [role=menu]") !== null) return;
  if (pointerType !== "mouse" && !isByHandle) return;
  const listening = new AbortController();
  const { signal } = listening;
  let frame = 0;
  const hold = (x: number, y: number) => (held.value = { issue, x, y, over: columnAt(board, x, y) });
  const scroll = () => {
    const { x, y } = held.peek()!;
    const box = board.getBoundingClientRect();
    board.scrollBy(stepAt(x, Math.max(0, box.left), Math.min(innerWidth, box.right)), 0);
    scrollBy(0, stepAt(y, 0, innerHeight));
    hold(x, y);
    frame = requestAnimationFrame(scroll);
  };
  const onMove = ({ pointerId: id, clientX, clientY }: PointerEvent) => {
    if (id !== pointerId) return;
    if (held.peek() === undefined) {
      if (Math.hypot(clientX - startX, clientY - startY) < DRAGGED_FROM_PX) return;
      // The card may be drawn anew meanwhile: the board stays.
      board.setPointerCapture(pointerId);
      frame = requestAnimationFrame(scroll);
    }
    hold(clientX, clientY);
  };
  const end = (isDropped: boolean) => {
    listening.abort();
    cancelAnimationFrame(frame);
    const { over } = held.peek() ?? {};
    const wasHeld = held.peek() !== undefined;
    held.value = undefined;
    if (wasHeld) ignoreClick();
    if (isDropped && over !== undefined && over !== issue.status) void moveIssue(issue, over);
  };
  const onEnd = ({ pointerId: id, type }: PointerEvent) => id === pointerId && end(type === "pointerup");
  const onKeyDown = (pressed: KeyboardEvent) => {
    if (pressed.key !== "Escape" || held.peek() === undefined) return;
    pressed.stopPropagation();
    end(false);
  };
  addEventListener("pointermove", onMove, { signal });
  for (const name of ["pointerup", "pointercancel"] as const) addEventListener(name, onEnd, { signal });
  addEventListener("keydown", onKeyDown, { signal, capture: true });
}

/** Also below a short column, and beside the board, where a finger comes to on a phone; above it: none. */
function columnAt(board: HTMLElement, x: number, y: number): IssueStatus | undefined {
  const box = board.getBoundingClientRect();
  const within = Math.min(box.right - 1, Math.max(box.left + 1, x));
  const columns = [...board.querySelectorAll<HTMLElement>(".issues-column")];
  const found = columns.find((column) => {
    const { left, right } = column.getBoundingClientRect();
    return left <= within && within <= right;
  });
  return y < box.top || found === undefined ? undefined : (Number(found.dataset["status"]) as IssueStatus);
}

/** How far to scroll a frame, for somebody who holds something at the edge. */
function stepAt(at: number, low: number, high: number): number {
  return at < low + EDGE_PX ? -SCROLL_PX : at > high - EDGE_PX ? SCROLL_PX : 0;
}

/** Whoever lets go of a card does not follow its link. */
function ignoreClick(): void {
  const listening = new AbortController();
  const ignore = (event: MouseEvent) => {
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener("click", ignore, { capture: true, signal: listening.signal });
  setTimeout(() => listening.abort());
}
