/** Who may do what: tokens made, listed and revoked; and who this is. All throw the server's status. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Access, type CreateTokenRequestSchema, type Token, type WhoAmIResponse } from "../wire/gen/access_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** With the secret, which nobody can read again. */
export async function createToken(
  connection: Connection,
  request: MessageInitShape<typeof CreateTokenRequestSchema>,
  options: AskOptions = {},
): Promise<{ readonly token: Token; readonly secret: string }> {
  const { token, secret } = await ask(connection, Access.method.createToken, request, options);
  return { token: token!, secret };
}

/** In order of names. */
export async function listTokens(connection: Connection, options: AskOptions = {}): Promise<Token[]> {
  return (await ask(connection, Access.method.listTokens, {}, options)).tokens;
}

/** By id or name. */
export async function revokeToken(
  connection: Connection,
  { token, userId }: { readonly token: string; readonly userId: string },
  options: AskOptions = {},
): Promise<Token> {
  return (await ask(connection, Access.method.revokeToken, { token, userId }, options)).token!;
}

export function whoAmI(connection: Connection, options: AskOptions = {}): Promise<WhoAmIResponse> {
  return ask(connection, Access.method.whoAmI, {}, options);
}
