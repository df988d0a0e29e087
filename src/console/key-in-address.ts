/** Keys of encrypted sessions come behind # in a link: they are taken out of the address as soon as they are of use. */
import { effect } from "@preact/signals";
import { link } from "./api.ts";
import { takeKeyFromAddress } from "./data/session-keys.ts";
import { route } from "./route.ts";

export function takeKeysFromAddresses(): void {
  effect(() => {
    void route.value;
    const { kind } = link.state.value;
    // Whoever has to log in first loads the page anew, and has the key once more.
    if (kind === "open" || kind === "plain") takeKeyFromAddress();
  });
}
