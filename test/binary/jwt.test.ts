/** The compiled executable verifies JWTs of an identity provider: the library for that is in it, and read when it is wanted. */
import { expect, test } from "bun:test";
import { whoAmI } from "../../src/client/access.ts";
import { Connection } from "../../src/client/connection.ts";
import { newKey, TestIdentityProvider } from "../access/identity-provider.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

test("streams that were opened with a JWT end when it does, over gRPC and HTTP", async () => {
  const key = await newKey("one");
  await using provider = new TestIdentityProvider([key.jwk]);
  using dir = tempDir("binary-jwt");
  const env = {
    WATCHPOST_AUTH_JWT_ISSUER: provider.issuer,
    WATCHPOST_AUTH_JWT_AUDIENCE: "watchpost",
    WATCHPOST_AUTH_JWT_LEEWAY: "0s",
  };
  const server = await startServerProcess({ data: `${dir.path}/data`, env, binary: true });
  try {
    const token = await provider.jwt(key, Date.now(), { exp: Math.floor(Date.now() / 1_000) + 5 });
    const connection = new Connection(server.grpc, { token });
    expect((await whoAmI(connection)).name).toBe("ann");
    connection.close();

    const headers = { authorization: `Bearer ${token}` };
    const live = await fetch(`http://${server.http}/live?metric=*`, { headers });
    expect(live.status).toBe(200);
    expect(await live.text()).toContain('{"reason":"the token has run out"}');
    const after = await fetch(`http://${server.http}/metrics`, { headers });
    expect([after.status, await after.text()]).toEqual([401, expect.stringContaining('the JWT of "ann" has run out')]);
    const elsewhere = await provider.jwt(key, Date.now(), { aud: "grafana" });
    const refused = new Connection(server.grpc, { token: elsewhere });
    await expect(whoAmI(refused)).rejects.toThrow('made for "grafana" (its claim aud); wanted "watchpost"');
    refused.close();
    const told = server.log().filter(({ msg }) => msg === "a login was refused");
    expect(told.map(({ reason }) => reason)).toEqual(["expired_jwt", "wrong_jwt"]);
    expect(JSON.stringify(server.log())).not.toContain(token.split(".")[1]);
  } finally {
    await server.stop();
  }
}, 120_000);
