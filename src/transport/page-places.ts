/** How many pages are connected, and of whom: no caller takes the places of all. */
import { WatchpostError } from "../model/errors.ts";
import { CALLER_PAGES_CALLS_MAX, CALLER_PAGES_MAX, PAGES_MAX } from "../model/limits.ts";
import { networkOf } from "../model/network.ts";
import type { Principal } from "../wire/service.ts";

/** What one caller has. */
export interface PagesOfOne {
  pages: number;
  /** Under way. */
  calls: number;
}

const RETRY_AFTER_MS = 5_000;

export class PagePlaces {
  readonly #callers = new Map<string, PagesOfOne>();
  #pages = 0;

  /** One more page, until `leave`, which is to be called once. Throws RESOURCE_EXHAUSTED. */
  enter({ isAuthenticated, name }: Principal, peer: string): { readonly ofOne: PagesOfOne; leave(): void } {
    const key = isAuthenticated ? `principal ${name}` : `address ${networkOf(peer)}`;
    const ofOne = this.#callers.get(key) ?? { pages: 0, calls: 0 };
    if (this.#pages >= PAGES_MAX) throw full(`${PAGES_MAX} pages are connected`, PAGES_MAX);
    if (ofOne.pages >= CALLER_PAGES_MAX) {
      const who = isAuthenticated ? JSON.stringify(name) : `the address ${networkOf(peer)}`;
      throw full(`${who} has ${CALLER_PAGES_MAX} pages connected`, CALLER_PAGES_MAX);
    }
    this.#callers.set(key, ofOne);
    ofOne.pages++;
    this.#pages++;
    const leave = () => {
      this.#pages--;
      if (--ofOne.pages === 0) this.#callers.delete(key);
    };
    return { ofOne, leave };
  }
}

/** Why a call of a page is not begun; undefined: it may be. */
export function refusalOfCall({ calls }: PagesOfOne): string | undefined {
  return calls >= CALLER_PAGES_CALLS_MAX ? `your pages have ${CALLER_PAGES_CALLS_MAX} calls under way` : undefined;
}

function full(what: string, max: number): WatchpostError {
  const message = `${what} already; wanted at most ${max}: close some, and try again`;
  return new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
}
