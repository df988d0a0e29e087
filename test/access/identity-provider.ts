/** An identity provider on this machine: keys that tests rotate, and answers that go wrong. */
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from "jose";

interface MadeKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export type MadeClaims = { readonly [K in keyof JWTPayload]?: JWTPayload[K] | undefined };

export type Answering = (path: string) => Response | Promise<Response> | undefined;

export async function newKey(kid: string, alg = "ES256"): Promise<MadeKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export class TestIdentityProvider implements AsyncDisposable {
  /** What its list of keys has. */
  keys: JWK[];
  /** Instead of what it would answer. */
  answering: Answering | undefined;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor(keys: readonly JWK[] = []) {
    this.keys = [...keys];
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        this.asked.push(pathname);
        return (await this.answering?.(pathname)) ?? this.#answer(pathname);
      },
    });
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get keysUrl(): string {
    return `${this.issuer}/keys`;
  }

  /** For ann, an operator, for an hour from `nowMs`, but for what `claims` say: undefined leaves one out. */
  jwt(key: Omit<MadeKey, "jwk">, nowMs: number, claims: MadeClaims = {}, header: object = {}): Promise<string> {
    const seconds = Math.floor(nowMs / 1_000);
    const given = {
      iss: this.issuer,
      aud: "watchpost",
      sub: "ann",
      roles: ["watchpost-operator"],
      exp: seconds + 3_600,
    };
    const all = Object.entries({ ...given, ...claims }).filter(([, value]) => value !== undefined);
    const { alg, kid } = key;
    return new SignJWT(Object.fromEntries(all)).setProtectedHeader({ alg, kid, ...header }).sign(key.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  #answer(pathname: string): Response {
    if (pathname === "/keys") return Response.json({ keys: this.keys });
    if (pathname === "/.well-known/openid-configuration") {
      return Response.json({ issuer: this.issuer, jwks_uri: this.keysUrl });
    }
    return new Response("not found", { status: 404 });
  }
}
