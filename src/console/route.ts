/** The address is the state of the page: whoever is sent it sees the same. */
import { signal } from "@preact/signals";

export interface Route {
  /** Such as "/explore". */
  readonly path: string;
  readonly params: URLSearchParams;
}

export const route = signal<Route>(present());

addEventListener("popstate", () => (route.value = present()));
addEventListener("click", (event) => {
  const link = (event.target as Element).closest?.("a");
  const isOurs = link instanceof HTMLAnchorElement && link.origin === location.origin && link.target === "";
  if (!isOurs || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  event.preventDefault();
  go(link.href);
});

export function go(href: string): void {
  history.pushState(null, "", href);
  route.value = present();
  scrollTo(0, 0);
}

/** Changes what the address says of the view; "" takes a parameter away. */
export function setParams(changes: Readonly<Record<string, string>>): void {
  const params = new URLSearchParams(route.value.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") params.delete(name);
    else params.set(name, value);
  }
  const query = params.toString();
  history.replaceState(null, "", query === "" ? route.value.path : `${route.value.path}?${query}`);
  route.value = present();
}

function present(): Route {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}
