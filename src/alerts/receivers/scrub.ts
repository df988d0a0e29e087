/** Words of the other side, made fit for a journal: servers like to say back what they were sent. */
import { truncated } from "../../model/errors.ts";
import { singleLine } from "./escape.ts";

const QUOTED_LENGTH_MAX = 200;
/** Shorter ones stand in any text. */
const SECRET_LENGTH_MIN = 3;
/** Shorter parts of a path are words such as "services". */
const PATH_TOKEN_LENGTH_MIN = 8;
const HIDDEN = "<secret>";

/** One line of at most 200 characters without any of the secrets, however they are encoded; "": nothing was said. */
export function quotable(text: string, secrets: readonly string[]): string {
  const forms = [...new Set(secrets.flatMap(formsOf))].filter((form) => form.length >= SECRET_LENGTH_MIN);
  forms.sort((a, b) => b.length - a.length);
  const clean = forms.reduce((rest, form) => rest.replaceAll(form, HIDDEN), text);
  return truncated(singleLine(clean), QUOTED_LENGTH_MAX);
}

/** What of a URL may be a secret: all of it, its user and password, long parts of its path and its query. */
export function secretsOfUrl(url: URL): string[] {
  const { href, username, password, pathname, search, searchParams } = url;
  const tokens = pathname.split("/").filter((part) => part.length >= PATH_TOKEN_LENGTH_MIN);
  const path = pathname === "/" ? [] : [pathname + search];
  const user = [username, password].map(percentDecoded);
  return [href, ...path, ...tokens, ...tokens.map(percentDecoded), ...searchParams.values(), ...user, user.join(":")];
}

/** A part of a URL as it was meant; as it is where it is not encoded well. */
export function percentDecoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  const base64 = Buffer.from(secret).toString("base64");
  return [secret, encoded, base64, base64.replace(/=+$/, ""), JSON.stringify(secret).slice(1, -1)];
}
