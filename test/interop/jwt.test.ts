/** JWTs that another implementation has made, shown to a server process over gRPC and HTTP. */
import { expect } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../src/client/connection.ts";
import { whoAmI } from "../../src/client/access.ts";
import { TestIdentityProvider } from "../access/identity-provider.ts";
import { testNeeding, working } from "../support/needs.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const PYTHON = "/usr/bin/python3";
const python = working("Debian's python3-jwt and python3-cryptography", [PYTHON, "-c", "import jwt, cryptography"]);

testNeeding([python])(
  "every algorithm is understood as PyJWT and OpenSSL write it",
  async () => {
    await using provider = new TestIdentityProvider();
    const ends = String(Math.floor(Date.now() / 1_000) + 3_600);
    const script = join(import.meta.dir, "jwt_provider.py");
    const { stdout, stderr } = Bun.spawnSync([PYTHON, script, provider.issuer, "watchpost", ends]);
    if (stdout.length === 0) throw new Error(stderr.toString());
    const made = JSON.parse(stdout.toString()) as { keys: []; jwts: Record<string, string>; none: string };
    provider.keys = made.keys;
    using dir = tempDir("jwt");
    const env = { WATCHPOST_AUTH_JWT_ISSUER: provider.issuer, WATCHPOST_AUTH_JWT_AUDIENCE: "watchpost" };
    const server = await startServerProcess({ data: join(dir.path, "data"), env });
    try {
      expect(Object.keys(made.jwts)).toHaveLength(10);
      for (const [alg, token] of Object.entries(made.jwts)) {
        const connection = new Connection(server.grpc, { token });
        const { name, role, via } = await whoAmI(connection, { deadlineMs: 20_000 });
        expect({ alg, name, role, via }).toEqual({ alg, name: "ann", role: "operator", via: "jwt" });
        connection.close();
        const headers = { authorization: `Bearer ${token}` };
        expect((await fetch(`http://${server.http}/metrics`, { headers })).status).toBe(200);
      }
      const headers = { authorization: `Bearer ${made.none}` };
      const refused = await fetch(`http://${server.http}/metrics`, { headers });
      expect(refused.status).toBe(401);
      expect(await refused.text()).toContain('signed with "none"; wanted RS256 or');
    } finally {
      await server.stop();
    }
  },
  120_000,
);
