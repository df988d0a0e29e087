import { tellError } from "../../parts/tell.ts";

/** Told where the browser does not let it. */
export function fillScreen(): void {
  document.documentElement.requestFullscreen().catch((error: unknown) => tellError(error, "No full screen"));
}
