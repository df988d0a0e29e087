/** What the page says of why somebody has to log in, or cannot. */

/** Why calls of this browser are nobody's. */
export interface Locked {
  /** As the server calls it: "no_credential"; "": it did not say. */
  readonly reason: string;
  /** A sentence of it, without a full stop. */
  readonly message: string;
  /** How it was known here before, while this page was open: "": it was not asked; undefined: this page has just been opened. */
  readonly was: string | undefined;
  /** Here, a moment ago. */
  readonly hasLoggedOut: boolean;
}

export interface LockedText {
  /** "": nothing that the form does not say. */
  readonly why: string;
  /** A token would not be taken. */
  readonly isFormLeftOut: boolean;
}

export function lockedText({ reason, message, was, hasLoggedOut }: Locked): LockedText {
  const sentence = message === "" ? "" : `${message[0].toUpperCase()}${message.slice(1)}.`;
  switch (reason) {
    case "through_proxy":
      return { why: sentence, isFormLeftOut: true };
    case "no_credential":
    case "":
      return { why: whyNobody(was, hasLoggedOut), isFormLeftOut: false };
    default:
      return { why: sentence, isFormLeftOut: false };
  }
}

function whyNobody(was: Locked["was"], hasLoggedOut: boolean): string {
  if (hasLoggedOut) return "You are logged out.";
  if (was === "session") return "You were logged out in another window of this browser.";
  if (was === "") return "There is a first token now: from now on this server asks everybody.";
  return "";
}
