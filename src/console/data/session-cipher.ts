/** By what a session can be read and written. */
import { WITHOUT_KEY, type MessageCipher } from "../../wire/message-cipher.ts";
import type { SessionKeys } from "../../wire/session-keys.ts";

export type SessionCipher =
  /** Its messages are for whoever reads in the session, the server among them. */
  | { readonly kind: "plain" }
  /** Nothing is said without a key. `why`: what is wrong with the one that was given; "": none was. */
  | { readonly kind: "locked"; readonly why: string }
  | { readonly kind: "open"; readonly keys: SessionKeys };

export function messageCipherOf(cipher: SessionCipher): MessageCipher {
  return cipher.kind === "open" ? cipher.keys : WITHOUT_KEY;
}
