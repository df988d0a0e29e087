/** Who may do what: tokens made, listed and revoked, certificates revoked; and who this is. All throw the server's status. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Access,
  type CreateTokenRequestSchema,
  type Deed,
  type RevokedCertificate,
  type Token,
  type WhoAmIResponse,
} from "../wire/gen/access_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

const PAGE_MAX = 500;

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

/** By name or fingerprint. */
export async function revokeCertificate(
  connection: Connection,
  { certificate, userId }: { readonly certificate: string; readonly userId: string },
  options: AskOptions = {},
): Promise<RevokedCertificate> {
  return (await ask(connection, Access.method.revokeCertificate, { certificate, userId }, options)).revoked!;
}

/** By what was revoked. */
export async function reinstateCertificate(
  connection: Connection,
  certificate: string,
  options: AskOptions = {},
): Promise<RevokedCertificate> {
  return (await ask(connection, Access.method.reinstateCertificate, { certificate }, options)).reinstated!;
}

/** In order of names. */
export async function listRevokedCertificates(
  connection: Connection,
  options: AskOptions = {},
): Promise<RevokedCertificate[]> {
  return (await ask(connection, Access.method.listRevokedCertificates, {}, options)).revoked;
}

/** Page after page, the last one first. */
export async function* allDeeds(
  connection: Connection,
  wanted: { readonly name: string; readonly action: string },
  options: AskOptions = {},
): AsyncGenerator<Deed, void> {
  for (let page = ""; ;) {
    const request = { ...wanted, page, limit: PAGE_MAX };
    const { deeds, nextPage } = await ask(connection, Access.method.listDeeds, request, options);
    yield* deeds;
    if (nextPage === "") return;
    page = nextPage;
  }
}

export function whoAmI(connection: Connection, options: AskOptions = {}): Promise<WhoAmIResponse> {
  return ask(connection, Access.method.whoAmI, {}, options);
}
