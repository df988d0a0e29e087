/** As whom the server takes what is done here, where it asks. */
import { computed, effect } from "@preact/signals";
import { link } from "./api.ts";
import { setUser } from "./user.ts";

/** Undefined: it takes everybody, and goes by the name that is given. */
export const who = computed(() => {
  const known = link.hello.value?.who;
  return known === undefined || known.via === "" ? undefined : known;
});

export const isLocked = computed(() => link.state.value.kind === "locked");

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
  location.reload();
}
