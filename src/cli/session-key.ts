/** Keys of encrypted sessions: where commands find them, and how they are handed on. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { whoAmI } from "../client/access.ts";
import type { Connection } from "../client/connection.ts";
import { getSession } from "../client/sessions.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { SessionState } from "../wire/gen/collaboration_pb.ts";
import { parseSessionKey, sessionKeyText, type SessionKey } from "../wire/sealed-message.ts";
import { NOTHING_SENT } from "../wire/message-cipher.ts";
import { SessionKeys } from "../wire/session-keys.ts";

export interface KeyFlags {
  readonly keyFile?: string;
}

const VARIABLE = "WATCHPOST_SESSION_KEY";
const FILE_BYTES_MAX = 4_096;

export function addKeyOption(command: Command): Command {
  return command.option(
    "--key-file <file>",
    `the file with the key of an encrypted session, or its link; ${VARIABLE} may hold the key itself`,
  );
}

/** Undefined: none was given. Throws INVALID_ARGUMENT for what no key is, without showing it. */
export function givenKey({ keyFile }: KeyFlags): SessionKey | undefined {
  const variable = process.env[VARIABLE] ?? "";
  if (keyFile === undefined && variable === "") return undefined;
  const place = keyFile === undefined ? VARIABLE : `--key-file: ${keyFile}`;
  try {
    return parseSessionKey(keyFile === undefined ? variable : readFileSync(keyFile, "utf8").slice(0, FILE_BYTES_MAX));
  } catch (error) {
    if (error instanceof WatchpostError) throw new WatchpostError(error.status, `${place}: ${error.message}`);
    throw new WatchpostError("INVALID_ARGUMENT", `${place} cannot be read: ${messageOf(error)}`);
  }
}

/** Of a session with the key that was given; undefined: none was. Throws what the key is refused with. */
export async function keysOf(
  connection: Connection,
  sessionId: string,
  flags: KeyFlags,
  options: { readonly signal: AbortSignal },
): Promise<SessionKeys | undefined> {
  const key = givenKey(flags);
  if (key === undefined) return undefined;
  const session = await getSession(connection, sessionId, options);
  return SessionKeys.of(session, key, session.state !== SessionState.IMPORTED);
}

/** To send a message. Undefined: the session is not encrypted, or there is none yet. Throws where it is and no key was given. */
export async function keysToSend(
  connection: Connection,
  sessionId: string,
  flags: KeyFlags,
  options: { readonly signal: AbortSignal },
): Promise<SessionKeys | undefined> {
  const keys = await keysOf(connection, sessionId, flags, options);
  if (keys !== undefined) return keys;
  const isEncrypted = await getSession(connection, sessionId, options).then(
    ({ encryption }) => encryption !== undefined,
    (error: unknown) => {
      if (error instanceof WatchpostError && error.status === "NOT_FOUND") return false;
      throw error;
    },
  );
  if (!isEncrypted) return undefined;
  throw new WatchpostError("FAILED_PRECONDITION", `${NOTHING_SENT}; wanted --key-file FILE`);
}

/** As whom others see what is sent: what is sealed is sealed with it. */
export async function senderOf(
  connection: Connection,
  userId: string,
  options: { readonly signal: AbortSignal },
): Promise<string> {
  const { via, name } = await whoAmI(connection, options);
  return via === "" ? userId : name;
}

/** What stands behind the address of a server; browsers do not send what is behind #. */
export function keyLink(sessionId: string, key: SessionKey): string {
  return `/sessions/${encodeURIComponent(sessionId)}#key=${sessionKeyText(key)}`;
}
