/**
 * JWTs of an identity provider. Each is verified once: what became of it is kept by its hash, so that a call costs a look. Keys that
 * the provider withdraws take along what was signed with them.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../model/clock.ts";
import { messageOf, truncated, WatchpostError } from "../../model/errors.ts";
import { isPrivateWay } from "../../model/private-way.ts";
import { isRefusal, type Credential, type Refusal, type Verdict } from "../credential.ts";
import { principalOfClaims, type Claims, type ClaimSettings } from "./claims.ts";
import { fetchJson } from "./fetch-json.ts";
import { KeySet, KeysUnavailable } from "./key-set.ts";

export interface IdentityProviderSettings extends ClaimSettings {
  readonly issuer: string;
  readonly audience: string;
  /** Of its keys; "auto": as the issuer's OpenID configuration says. */
  readonly keysUrl: string;
  /** PEM file of the authorities that its certificate may be of; undefined: those of the system. */
  readonly caFile: string | undefined;
  /** Asymmetric ones. */
  readonly algorithms: readonly string[];
  readonly keysKeptMs: number;
}

export interface IdentityProviderDeps {
  readonly clock: Clock;
  onTrouble(sentence: string): void;
}

const [KEPT_MAX, UNDER_WAY_MAX] = [10_000, 1_000];
const LENGTH_MAX = 12 * 1024;
const SHOWN_LENGTH_MAX = 80;

export class IdentityProvider {
  readonly #settings: IdentityProviderSettings;
  readonly #deps: IdentityProviderDeps;
  readonly #jose: typeof import("jose");
  readonly #keys: KeySet;
  readonly #closing = new AbortController();
  /** By hash of the JWT; the one that was not shown for longest first. */
  readonly #kept = new Map<string, Credential>();
  readonly #underWay = new Map<string, Promise<Verdict>>();
  readonly #listeners = new Set<(id: string) => void>();
  #withdrawals = 0;

  private constructor(
    jose: typeof import("jose"),
    settings: IdentityProviderSettings,
    deps: IdentityProviderDeps,
    ca: string | undefined,
  ) {
    [this.#jose, this.#settings, this.#deps] = [jose, settings, deps];
    const { clock, onTrouble } = deps;
    const fetching = { clock, ca, signal: this.#closing.signal };
    const fetchKeys = async () => fetchJson(await keysUrlOf(settings, fetching), fetching);
    this.#keys = new KeySet({ jose, clock, keptMs: settings.keysKeptMs, fetchKeys, onTrouble });
    this.#keys.onGone((kid) => this.#forget(idOf(kid)));
  }

  /** Its keys are being fetched then. Throws FAILED_PRECONDITION where `caFile` cannot be read. */
  static async open(settings: IdentityProviderSettings, deps: IdentityProviderDeps): Promise<IdentityProvider> {
    const { caFile } = settings;
    const ca =
      caFile === undefined
        ? undefined
        : await readFile(caFile, "utf8").catch((error: unknown) => {
            throw new WatchpostError("FAILED_PRECONDITION", `cannot read auth.jwt.ca_file: ${messageOf(error)}`);
          });
    return new IdentityProvider(await import("jose"), settings, deps, ca);
  }

  /** Resolves once its keys are there, or could not be had. */
  settled(): Promise<void> {
    return this.#keys.settled();
  }

  /** Whose it is: at once where it was verified before. `mayVerify` is asked where it was not. */
  verdictOf(jwt: string, mayVerify: () => boolean = () => true): Verdict | Promise<Verdict> {
    if (jwt.length > LENGTH_MAX) {
      return bad(`the JWT has ${jwt.length} characters; wanted at most ${LENGTH_MAX}`);
    }
    const hash = createHash("sha256").update(jwt).digest("base64");
    const kept = this.#kept.get(hash);
    if (kept !== undefined) {
      this.#kept.delete(hash);
      if (kept.principal.expiresAtMs <= this.#deps.clock.nowMs()) return ranOut(kept.principal);
      this.#kept.set(hash, kept);
      return kept;
    }
    const already = this.#underWay.get(hash);
    if (already !== undefined) return already;
    if (this.#underWay.size >= UNDER_WAY_MAX) return busy(`${UNDER_WAY_MAX} are being verified already`);
    if (!mayVerify()) return busy("too many came from there that were not good");
    const withdrawals = this.#withdrawals;
    const verifying = this.#verify(jwt)
      .then((verdict) => {
        // Of the key that is withdrawn meanwhile nothing may be kept.
        if (!isRefusal(verdict) && withdrawals === this.#withdrawals) this.#keep(hash, verdict);
        return verdict;
      })
      .finally(() => this.#underWay.delete(hash));
    this.#underWay.set(hash, verifying);
    return verifying;
  }

  /** Hears the id of whatever is withdrawn. Returns what ends that. */
  follow(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#closing.abort();
    this.#keys.close();
  }

  async #verify(jwt: string): Promise<Verdict> {
    const { issuer, audience, algorithms, leewayMs } = this.#settings;
    const { clock } = this.#deps;
    try {
      const { payload, protectedHeader } = await this.#jose.jwtVerify(
        jwt,
        (header, token) => this.#keys.keyFor(header, token),
        {
          ...{ issuer, audience, algorithms: [...algorithms] },
          requiredClaims: ["exp"],
          clockTolerance: Math.floor(leewayMs / 1_000),
          currentDate: new Date(clock.nowMs()),
        },
      );
      const principal = principalOfClaims(payload, this.#settings);
      return "reason" in principal ? principal : { ids: [idOf(protectedHeader.kid ?? "")], principal };
    } catch (error) {
      return this.#refusalOf(error, jwt);
    }
  }

  #refusalOf(error: unknown, jwt: string): Refusal {
    const { errors } = this.#jose;
    const { issuer, audience, algorithms } = this.#settings;
    if (error instanceof KeysUnavailable) {
      const message = `the JWT cannot be verified now, for the keys of the identity provider are not there: ${error.message}`;
      return { reason: "keys_unavailable", message };
    }
    if (error instanceof errors.JWTExpired) return ranOutOn(error.payload, this.#settings.nameClaim);
    if (error instanceof errors.JWTClaimValidationFailed) {
      const { claim, payload } = error;
      const given = shown(payload[claim]);
      const isMissing = error.reason === "missing" || payload[claim] === undefined;
      if (isMissing) return wrong(`it has no claim ${claim}`);
      if (claim === "aud") return wrong(`it is made for ${given} (its claim aud); wanted ${shown(audience)}`);
      if (claim === "iss") return wrong(`it is made by ${given} (its claim iss); wanted ${shown(issuer)}`);
      if (claim === "nbf") return wrong(`it begins on ${timeText(payload.nbf)} (its claim nbf)`);
      return wrong(`its claim ${claim} is ${given}`);
    }
    if (error instanceof errors.JOSEAlgNotAllowed) {
      return bad(`the JWT is signed with ${shown(this.#headerOf(jwt)?.alg)}; wanted ${algorithms.join(" or ")}`);
    }
    if (error instanceof errors.JWKSNoMatchingKey) {
      return bad(`the JWT is signed with the key ${shown(this.#headerOf(jwt)?.kid)}, which ${issuer} does not have`);
    }
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      return bad(`the JWT does not say which of the keys of ${issuer} it is signed with (kid)`);
    }
    if (error instanceof errors.JWSSignatureVerificationFailed) {
      return bad(`the signature of the JWT is not that of a key of ${issuer}`);
    }
    return bad("what was shown cannot be read as a JWT");
  }

  #headerOf(jwt: string) {
    try {
      return this.#jose.decodeProtectedHeader(jwt);
    } catch {
      return undefined;
    }
  }

  #keep(hash: string, credential: Credential): void {
    if (this.#kept.size >= KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(hash, credential);
  }

  #forget(id: string): void {
    this.#withdrawals++;
    for (const [hash, { ids }] of this.#kept) if (ids.includes(id)) this.#kept.delete(hash);
    for (const listener of this.#listeners) listener(id);
  }
}

async function keysUrlOf(
  { issuer, keysUrl }: IdentityProviderSettings,
  fetching: Parameters<typeof fetchJson>[1],
): Promise<string> {
  if (keysUrl !== "auto") return keysUrl;
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { issuer: said, jwks_uri: keys } = await fetchJson(url, fetching);
  if (said !== issuer) throw new Error(`${url} is of the issuer ${shown(said)}; wanted ${shown(issuer)}`);
  if (typeof keys !== "string" || !isPrivateWay(keys)) {
    throw new Error(`${url} has the jwks_uri ${shown(keys)}; wanted an https address`);
  }
  return keys;
}

function idOf(kid: string): string {
  return `jwt-key/${kid}`;
}

function ranOut({ name, expiresAtMs }: Credential["principal"]): Refusal {
  const message = `the JWT of ${shown(name)} has run out on ${new Date(expiresAtMs).toISOString()}`;
  return { reason: "expired_jwt", message };
}

function ranOutOn(payload: Claims, nameClaim: string): Refusal {
  const message = `the JWT of ${shown(payload[nameClaim] ?? payload["sub"])} has run out on ${timeText(payload["exp"])}`;
  return { reason: "expired_jwt", message };
}

function wrong(why: string): Refusal {
  return { reason: "wrong_jwt", message: `the JWT is not good here: ${why}` };
}

function busy(why: string): Refusal {
  return { reason: "busy", message: `the JWT is not verified now, for ${why}; try again` };
}

function bad(message: string): Refusal {
  return { reason: "bad_jwt", message };
}

function timeText(seconds: unknown): string {
  const atMs = Number(seconds) * 1_000;
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : shown(seconds);
}

function shown(value: unknown): string {
  return value === undefined ? "none" : truncated(JSON.stringify(value) ?? "", SHOWN_LENGTH_MAX);
}
