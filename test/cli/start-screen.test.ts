/** What a person sees once a server is up, of addresses that can be used as they stand there. */
import { expect, test } from "bun:test";
import { startScreen } from "../../src/cli/serve.ts";

const shared = { grpc: "127.0.0.1:50051", http: "127.0.0.1:8080", data: "/data", series: 0, startMs: 1 };

test("the Redis that it shares is said, and no word where there is none", () => {
  expect(screenOf(undefined)).not.toContain("Redis");
  const screen = Bun.stripANSI(startScreen({ ...shared, redis: "redis://…@cache" }));
  expect(screen).toMatch(/\n {2}Redis {2}redis:\/\/…@cache \(.+ nodes lists who shares it\)\n/);
});

function screenOf(names: readonly string[] | undefined, addresses: Partial<typeof shared> = {}): string {
  const tls = names === undefined ? undefined : { names, notAfterMs: Date.UTC(2027, 0, 31, 12) };
  return Bun.stripANSI(startScreen({ ...shared, ...addresses, tls }));
}

test("without TLS the default port goes without saying", () => {
  const screen = screenOf(undefined);
  expect(screen).toContain("HTTP   http://127.0.0.1:8080 ");
  expect(screen).toContain("watch '*'\n");
  expect(screen).not.toContain("TLS");
  expect(screenOf(undefined, { grpc: "127.0.0.1:1" })).toContain("watch '*' --server 127.0.0.1:1\n");
});

test("over TLS commands call the server by a name of its certificate", () => {
  const screen = screenOf(["*.plant", "gw.plant", "127.0.0.1"]);
  expect(screen).toContain("HTTP   https://127.0.0.1:8080 ");
  expect(screen).toContain("watch '*' --server https://127.0.0.1:50051\n");
  expect(screen).toContain("TLS    *.plant, gw.plant, 127.0.0.1 (until 2027-01-31 12:00 UTC;");
  const everywhere = screenOf(["*.plant", "gw.plant"], { grpc: "0.0.0.0:50051", http: "[::]:8080" });
  expect(everywhere).toContain("curl https://gw.plant:8080/metrics");
  expect(everywhere).toContain("--server https://gw.plant:50051");
});
