/** The browser's notifications, as far as it allows them. */
import { signal } from "@preact/signals";
import { go, pathTo } from "../route.ts";
import type { NoticeChanges } from "./notice-plan.ts";

export type NoticePermission = NotificationPermission | "insecure" | "unavailable";

export const noticePermission = signal(permission());
const open = new Map<string, Notification>();

/** People also allow and deny them in the browser itself, beside the address. */
export async function followPermission(): Promise<void> {
  if (noticePermission.peek() === "insecure") return;
  const status = await navigator.permissions?.query({ name: "notifications" }).catch(() => undefined);
  status?.addEventListener("change", () => (noticePermission.value = permission()));
}

/** Asks the browser's person; the browser wants it to follow a click. */
export async function askForNotices(): Promise<void> {
  await Notification.requestPermission();
  noticePermission.value = permission();
}

export function showNotices({ show, close }: NoticeChanges): void {
  for (const tag of close) open.get(tag)?.close();
  for (const { tag, title, body, stays, alertId } of show) {
    const notification = made(title, { tag, body, requireInteraction: stays });
    if (notification === undefined) return;
    open.set(tag, notification);
    notification.onclose = () => {
      if (open.get(tag) === notification) open.delete(tag);
    };
    notification.onclick = () => {
      focus();
      go(alertId === "" ? pathTo("alerts") : pathTo("alerts", alertId));
      notification.close();
    };
  }
}

/** For a page that is left: nobody would take them away once somebody looks after it. */
export function closeNotices(): void {
  for (const notification of open.values()) notification.close();
}

/** Browsers of phones have the name and refuse to make one. */
function made(title: string, options: NotificationOptions): Notification | undefined {
  try {
    return new Notification(title, options);
  } catch {
    noticePermission.value = "unavailable";
    return undefined;
  }
}

function permission(): NoticePermission {
  if (!isSecureContext) return "insecure";
  return typeof Notification === "undefined" ? "unavailable" : Notification.permission;
}
