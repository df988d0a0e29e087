/** Who acts: a name that is asked for once and kept in the browser. */
import { signal } from "@preact/signals";

const KEY = "watchpost.user";

export const user = signal(localStorage.getItem(KEY) ?? "");

export function setUser(name: string): void {
  localStorage.setItem(KEY, name);
  user.value = name;
}
