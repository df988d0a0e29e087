/** The address is the state of the page: whoever is sent it sees the same. */
import { signal } from "@preact/signals";

export interface Route {
  /** The first part of the path: "" of "/", "devices" of "/devices/pump-1". */
  readonly view: string;
  /** The parts behind it, decoded: ["pump-1"]. */
  readonly rest: readonly string[];
  readonly params: URLSearchParams;
}

export const route = signal<Route>(present());

/** Asked before another path is shown: where something would be lost. */
let mayLeave: (() => Promise<boolean>) | undefined;
let shownHref = location.href;

addEventListener("popstate", () => {
  const { href } = location;
  if (mayLeave === undefined || isSamePath(href, shownHref)) return show();
  // The browser is there already: back to what is shown until that is decided.
  history.pushState(null, "", shownHref);
  go(href);
});
addEventListener("click", (event) => {
  const link = (event.target as Element).closest?.("a");
  const isOurs = link instanceof HTMLAnchorElement && link.origin === location.origin && link.target === "";
  if (!isOurs || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  event.preventDefault();
  go(link.href);
});

/** Stays where it is if a guard says so. */
export function go(href: string): void {
  const leave = () => {
    history.pushState(null, "", href);
    show();
    scrollTo(0, 0);
  };
  if (mayLeave === undefined || isSamePath(href, shownHref)) return leave();
  void mayLeave().then((may) => may && leave());
}

/** Until what it returns is called, whoever goes to another path is asked; true lets them go. */
export function guardLeaving(ask: () => Promise<boolean>): () => void {
  const warn = (event: BeforeUnloadEvent) => event.preventDefault();
  mayLeave = ask;
  addEventListener("beforeunload", warn);
  return () => {
    removeEventListener("beforeunload", warn);
    if (mayLeave === ask) mayLeave = undefined;
  };
}

/** In place of the present address, which only led here. */
export function goInstead(href: string): void {
  history.replaceState(null, "", href);
  show();
}

/** Changes what the address says of the view; "" takes a parameter away. */
export function setParams(changes: Readonly<Record<string, string>>): void {
  const params = new URLSearchParams(route.value.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") params.delete(name);
    else params.set(name, value);
  }
  const query = params.toString();
  history.replaceState(null, "", query === "" ? location.pathname : `${location.pathname}?${query}`);
  show();
}

/** The address of a part of a view: pathTo("devices", "pump/1") is "/devices/pump%2F1". */
export function pathTo(...parts: readonly string[]): string {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

/** A path with parameters: addressOf("/devices", { status: "late", site: "" }) is "/devices?status=late"; "" is left out. */
export function addressOf(path: string, params: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "")).toString();
  return query === "" ? path : `${path}?${query}`;
}

function show(): void {
  shownHref = location.href;
  route.value = present();
}

function isSamePath(href: string, other: string): boolean {
  return new URL(href, location.href).pathname === new URL(other).pathname;
}

function present(): Route {
  const [view, ...rest] = location.pathname.slice(1).split("/").map(decoded);
  return { view, rest, params: new URLSearchParams(location.search) };
}

/** An address that somebody typed need not be well-formed. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
