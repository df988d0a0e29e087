/** A value that is used and never shown: a token, a password, a URL with either in it. */
import { messageOf } from "../../model/errors.ts";
import { refused } from "./delivery-error.ts";

const HIDDEN = "<secret>";
const FILE_BYTES_MAX = 64 * 1024;

export class Secret {
  /** What stands for it in listings and, should it get into one, in a log. */
  readonly shown: string;
  readonly #reveal: () => string | Promise<string>;

  private constructor(shown: string, reveal: () => string | Promise<string>) {
    this.shown = shown;
    this.#reveal = reveal;
  }

  static of(text: string): Secret {
    return new Secret(HIDDEN, () => text);
  }

  /** Shown without user, path and query: they are where tokens are. */
  static ofUrl(text: string): Secret {
    return new Secret(withoutSecrets(text), () => text);
  }

  /** Read each time it is used, so that a changed one is in force at once. */
  static inFile(path: string): Secret {
    return new Secret(`<secret in ${path}>`, () => readSecret(path));
  }

  /** Throws FAILED_PRECONDITION with the path where its file cannot be read or is empty. */
  async reveal(): Promise<string> {
    return this.#reveal();
  }

  toString(): string {
    return this.shown;
  }

  toJSON(): string {
    return this.shown;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.shown;
  }
}

async function readSecret(path: string): Promise<string> {
  const file = Bun.file(path);
  let text: string;
  try {
    text = await file.slice(0, FILE_BYTES_MAX).text();
  } catch (error) {
    const { code } = error as { code?: unknown };
    throw refused(`the secret's file ${path} cannot be read: ${typeof code === "string" ? code : messageOf(error)}`);
  }
  const secret = text.trim();
  if (secret === "") throw refused(`the secret's file ${path} is empty`);
  return secret;
}

/** "https://host:8443/<secret>"; where there is nothing but a host, that. */
function withoutSecrets(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.host === "") return HIDDEN;
  const { protocol, host, username, password, pathname, search } = parsed;
  const isBare = username === "" && password === "" && search === "" && /^\/?$/.test(pathname);
  return isBare ? `${protocol}//${host}` : `${protocol}//${host}/${HIDDEN}`;
}
