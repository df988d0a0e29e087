/**
 * Of several tabs one notifies: whoever has the browser's lock, which goes to another as soon as a tab is gone, however it went.
 * Where there are no locks, over plain HTTP, there are no notifications either.
 */

const LOCK = "watchpost.notifying";
let isOurs = false;

export function isNotifier(): boolean {
  return isOurs;
}

/** For as long as the page is there; one that is kept for going back stands again when it comes back. */
export function standForNotifying(): void {
  stand();
  addEventListener("pageshow", ({ persisted }) => persisted && stand());
}

function stand(): void {
  const left = new AbortController();
  addEventListener("pagehide", () => left.abort(), { once: true });
  const hold = () =>
    new Promise<void>((resolve) => {
      isOurs = true;
      left.signal.addEventListener("abort", () => {
        isOurs = false;
        resolve();
      });
    });
  // Who leaves before it has it waits for it no longer.
  navigator.locks?.request(LOCK, { signal: left.signal }, hold).catch(() => {});
}
