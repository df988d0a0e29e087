/** As whom the server takes what is done here, where it asks, and what that may be. */
import type { DescMethod } from "@bufbuild/protobuf";
import { computed, effect } from "@preact/signals";
import { link } from "./api.ts";
import type { Locked } from "./locked-text.ts";
import { setUser } from "./user.ts";

/** In the tab, until its page has been loaded anew. */
const LOGGED_OUT = "watchpost.logged-out";

/** Undefined: it takes everybody, and goes by the name that is given. */
export const who = computed(() => {
  const known = link.who.value;
  return known === undefined || known.via === "" ? undefined : known;
});

export const isLocked = computed(() => link.state.value.kind === "locked");

const callable = computed(() => new Set(link.who.value?.callable));

/** Whether the server would not refuse it for the role or the scope; nothing is until it has said who one is. */
export function may({ parent, name }: DescMethod): boolean {
  return callable.value.has(`${parent.typeName}/${name}`);
}

/** "a viewer", "an operator for sites hall-3"; "": not known, or everybody may do everything. */
export const roleText = computed(() => {
  const { role = "", scope = "" } = who.value ?? {};
  const withArticle = role === "" ? "" : `${/^[aeiou]/.test(role) ? "an" : "a"} ${role}`;
  return scope === "" ? withArticle : `${withArticle} for ${scope}`;
});

/** What a proxy proves with each request nobody can take back here. */
export const canLogOut = computed(() => who.value?.via === "session");

/** What is done here stands under the proven name, whichever is given. */
export function actUnderProvenName(): void {
  effect(() => {
    if (who.value !== undefined) setUser(who.value.name);
  });
}

/** Throws what is to be said, where the token is not taken. */
export async function logIn(token: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch("/login", { method: "POST", headers, body: JSON.stringify({ token }) });
  if (response.ok) return location.reload();
  const { message } = (await response.json().catch(() => ({ message: `HTTP ${response.status}` }))) as {
    message: string;
  };
  throw new Error(message);
}

export async function logOut(): Promise<void> {
  await fetch("/logout", { method: "POST" });
  sessionStorage.setItem(LOGGED_OUT, "1");
  location.reload();
}

export async function whyLocked(): Promise<Locked> {
  const answer = (await fetch("/login").then((response) => response.json())) as Pick<Locked, "reason" | "message">;
  const hasLoggedOut = sessionStorage.getItem(LOGGED_OUT) !== null;
  sessionStorage.removeItem(LOGGED_OUT);
  return { ...answer, was: link.who.peek()?.via, hasLoggedOut };
}
