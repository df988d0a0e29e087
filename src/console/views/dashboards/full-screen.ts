import { useEffect, useState } from "preact/hooks";
import { tellError } from "../../parts/tell.ts";

/** Told where the browser does not let it. */
export function fillScreen(): void {
  document.documentElement.requestFullscreen().catch((error: unknown) => tellError(error, "No full screen"));
}

/** What people chose in the browser itself (F11) stays. */
export function leaveFullScreen(): void {
  if (isFullScreen()) void document.exitFullscreen().catch(() => {});
}

/** Whether the page fills the screen; it also ends with the Escape key. */
export function useFullScreen(): boolean {
  const [isFull, setFull] = useState(isFullScreen);
  useEffect(() => {
    const look = () => setFull(isFullScreen());
    document.addEventListener("fullscreenchange", look);
    return () => document.removeEventListener("fullscreenchange", look);
  }, []);
  return isFull;
}

// Browsers that have no full screen, as on some phones, have undefined there.
function isFullScreen(): boolean {
  return Boolean(document.fullscreenElement);
}
