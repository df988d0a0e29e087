import { signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

/** What of the view is shown, such as a device's name; "": the view itself. */
export const pageTitle = signal("");

/** A part of a view names itself in the window's title: "pump-1 · Devices · Watchpost". */
export function usePageTitle(title: string): void {
  useLayoutEffect(() => {
    pageTitle.value = title;
    return () => {
      pageTitle.value = "";
    };
  }, [title]);
}
