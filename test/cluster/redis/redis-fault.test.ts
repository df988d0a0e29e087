import { expect, test } from "bun:test";
import { redisFault } from "../../../src/cluster/redis/redis-fault.ts";

const fault = (said: string, isEncrypted = false) => redisFault(new Error(said), isEncrypted);

test("what keeps a Redis away is said with the setting that it is about", () => {
  expect(fault("WRONGPASS invalid username-password pair")).toStartWith("it does not take the user and the password");
  const unreachable = "All sentinels are unreachable. Last error: ";
  expect(fault(`${unreachable}NOAUTH Authentication required.`)).toContain("redis.sentinel_password");
  expect(fault(`${unreachable}WRONGPASS invalid`)).toContain("redis.sentinel_password");
  expect(fault("NOAUTH Authentication required.")).toContain("redis.url");
  expect(fault("self signed certificate in certificate chain", true)).toContain("redis.ca_file");
  expect(fault("SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED", true)).toContain("redis.cert_file");
  expect(fault("connect ETIMEDOUT", true)).toContain("redis://");
  expect(fault("read ECONNRESET")).toContain("rediss://");
  expect(fault("MOVED 3999 127.0.0.1:6381")).toContain("redis+cluster://");
  const all = Object.assign(new Error("Failed to refresh slots cache."), {
    lastNodeError: new Error("ERR This instance has cluster support disabled"),
  });
  expect(redisFault(all, false)).toStartWith("it is no Redis Cluster");
  // What is known to everybody is left as it was said.
  for (const plain of ["connect ECONNREFUSED 127.0.0.1:1", "connect ETIMEDOUT"]) expect(fault(plain)).toBe(plain);
});
