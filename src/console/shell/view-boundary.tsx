import type { ComponentChildren } from "preact";
import { useErrorBoundary, useLayoutEffect } from "preact/hooks";
import { errorText } from "../errors.ts";

/** A view that breaks takes nothing else with it; at another place it is tried again. */
export function ViewBoundary({ place, children }: { place: string; children: ComponentChildren }) {
  const [error, tryAgain] = useErrorBoundary((thrown: unknown) => console.error("a view broke:", thrown));
  useLayoutEffect(() => {
    if (error !== undefined) tryAgain();
  }, [place]);
  if (error === undefined) return <>{children}</>;
  return (
    <>
      <h1>This view broke</h1>
      <div class="empty" role="alert">
        <strong>{errorText(error)}</strong>
        <p>
          This is a mistake of the console; more is in the browser's own console (F12). Everything else goes on: choose
          another part, or try this one again.
        </p>
        <button type="button" onClick={tryAgain}>
          Try again
        </button>
      </div>
    </>
  );
}
