/** `[auth]`: whom the server believes, besides the tokens that it has made. */
import { z } from "zod";
import { ROLES } from "../model/access.ts";
import { isPrivateWay } from "../model/private-way.ts";
import { parseRoleMapping, type RoleMapping } from "../model/role-mapping.ts";
import { choice, durationMs, parsed, path, type Problem } from "./leaves.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Whoever can check these cannot make them. */
const ALGORITHMS = [...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], ...["ES256", "ES384", "ES512", "EdDSA"]];

/** undefined: none. */
function tokenHash() {
  const wanted = '"none", or what "watchpost init" wrote: the id of a token, ":" and the SHA-256 of its secret';
  return parsed(wanted, (given): { id: string; hash: string } | "none" | undefined => {
    if (given === "none") return given;
    const [, id, hash] = (typeof given === "string" && /^([0-9a-f]{10}):([0-9a-f]{64})$/.exec(given)) || [];
    return hash === undefined ? undefined : { id, hash };
  }).transform((given) => (given === "none" ? undefined : given));
}

/** undefined: "none". */
function textOrNone(wanted: string) {
  return parsed(`"none" or ${wanted}`, (given) =>
    typeof given === "string" && given.trim() !== "" ? given.trim() : undefined,
  ).transform((given) => (given === "none" ? undefined : given));
}

/** "auto", or an address whose answers nobody on the way can change. */
function keysUrl() {
  return parsed('"auto", or an https address (http on this machine alone)', (given) =>
    given === "auto" || (typeof given === "string" && isPrivateWay(given)) ? given : undefined,
  );
}

function algorithms() {
  return parsed(`some of ${ALGORITHMS.join(" ")}: with others, whoever can check a token could make one`, (given) => {
    const named = typeof given === "string" ? given.split(/[\s,]+/).filter((name) => name !== "") : [];
    return named.length > 0 && named.every((name) => ALGORITHMS.includes(name)) ? named : undefined;
  });
}

function roleMapping() {
  return parsed(
    'roles with the values that give them, such as "admin=wp-admins, operator=wp-operators|oncall"',
    (given): RoleMapping | undefined => (typeof given === "string" ? parseRoleMapping(given) : undefined),
  );
}

const claim = (wanted: string) =>
  parsed(wanted, (given) => (typeof given === "string" && given.trim() !== "" ? given.trim() : undefined));

export const authSettings = z.strictObject({
  admin_token: tokenHash(),
  jwt: z.strictObject({
    issuer: textOrNone("who makes the tokens, as their claim iss says it"),
    audience: textOrNone("what the tokens are made for, as their claim aud says it"),
    jwks_url: keysUrl(),
    ca_file: path(),
    algorithms: algorithms(),
    name_claim: claim('a claim, such as "email"'),
    role_claim: claim('a claim, such as "groups" or "realm_access.roles"'),
    roles: roleMapping(),
    sources_claim: textOrNone("a claim"),
    devices_claim: textOrNone("a claim"),
    sites_claim: textOrNone("a claim"),
    leeway: durationMs(0, 2 * MINUTE),
    keys_kept: durationMs(MINUTE, 7 * 24 * HOUR),
  }),
  certificates: z.strictObject({
    role: choice("none", ...ROLES),
    scope: choice("device", "source", "everything"),
  }),
});

export const AUTH_DEFAULTS = {
  admin_token: "none",
  jwt: {
    issuer: "none",
    audience: "none",
    jwks_url: "auto",
    ca_file: "none",
    algorithms: ALGORITHMS.join(" "),
    name_claim: "sub",
    role_claim: "roles",
    roles: "admin=watchpost-admin, operator=watchpost-operator, viewer=watchpost-viewer, ingest=watchpost-ingest",
    sources_claim: "none",
    devices_claim: "none",
    sites_claim: "none",
    leeway: "10s",
    keys_kept: "12h",
  },
  certificates: { role: "ingest", scope: "device" },
};

/** Between settings that are right by themselves. */
export function authContradictions(given: unknown): Problem[] {
  const { issuer, audience, jwks_url } = authSettings.safeParse(given).data?.jwt ?? {};
  const problems: Problem[] = [];
  if (issuer !== undefined && audience === undefined) {
    const wanted = "wanted beside auth.jwt.issuer: otherwise what was made for other programs would be taken here";
    problems.push({ key: "auth.jwt.audience", wanted });
  }
  if (issuer === undefined && audience !== undefined) {
    problems.push({ key: "auth.jwt.issuer", wanted: "wanted beside auth.jwt.audience" });
  }
  if (issuer !== undefined && jwks_url === "auto" && !isPrivateWay(issuer)) {
    const wanted = "wanted an https address, where its keys can be asked for, or auth.jwt.jwks_url beside it";
    problems.push({ key: "auth.jwt.issuer", wanted });
  }
  return problems;
}
