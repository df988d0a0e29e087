/** Why a Redis is not reached, in words, with the setting that says otherwise. Pure. */
import { certificateFault } from "../../model/certificate-fault.ts";
import { messageOf } from "../../model/errors.ts";

/** By what a Redis, OpenSSL or ioredis say. */
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/^WRONGPASS/, "it does not take the user and the password of redis.url"],
  [/^NOAUTH/, "it wants a password, which belongs into redis.url"],
  [/sentinels are unreachable.*NOAUTH/, "sentinels want a password, which belongs into redis.sentinel_password"],
  [/sentinels are unreachable.*WRONGPASS/, "sentinels do not take the password of redis.sentinel_password"],
  [/^Command timed out/, "it does not answer"],
  [/(?:^|-)OOM\b/, "it is full: it takes nothing more (maxmemory)"],
  [/^READONLY/, "it is a replica, and takes nothing"],
  [/^(?:MISCONF|NOREPLICAS)/, "it takes nothing for now"],
  [/^NOPERM/, "the user of redis.url may not do what nodes need"],
  [/ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/, "it wants a certificate: redis.cert_file and redis.key_file"],
  [/ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_)/, "it does not take the certificate of redis.cert_file"],
  [/cluster support disabled/, "it is no Redis Cluster; wanted redis:// or rediss:// in redis.url"],
  [/unknown command.*sentinel/i, "it is no sentinel; wanted redis:// or rediss:// in redis.url"],
  [/^MOVED /, "it is a Redis Cluster; wanted redis+cluster:// or rediss+cluster:// in redis.url"],
];

/** `isEncrypted`: what is spoken with it. */
export function redisFault(error: unknown, isEncrypted: boolean): string {
  const ofNode = (error as { lastNodeError?: unknown } | null)?.lastNodeError;
  const said = messageOf(ofNode ?? error);
  const certificate = certificateFault(said);
  if (certificate !== undefined) {
    return `its certificate is not accepted: ${certificate}; redis.ca_file names those who may have signed it (${said})`;
  }
  const fault =
    FAULTS.find(([pattern]) => pattern.test(said))?.[1] ?? otherProtocol(said, isEncrypted, ofNode !== undefined);
  return fault === undefined ? said : `${fault} (${said})`;
}

function otherProtocol(said: string, isEncrypted: boolean, isOfCluster: boolean): string | undefined {
  // A server of a cluster says no more than this of a certificate that it wants.
  if (isEncrypted && isOfCluster && /^Connection is closed/.test(said))
    return "it hangs up; where it wants a certificate that belongs into redis.cert_file and redis.key_file";
  if (isEncrypted && /ETIMEDOUT/.test(said)) return "it says nothing; without TLS it wants redis:// in redis.url";
  if (!isEncrypted && /ECONNRESET/.test(said)) return "it hangs up; with TLS it wants rediss:// in redis.url";
  return undefined;
}
