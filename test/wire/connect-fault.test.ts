/** What grpc-js says of connections that came to nothing, in words of ours. */
import { expect, test } from "bun:test";
import { connectFault, isLastingFault } from "../../src/wire/connect-fault.ts";

function saidOf(last: string): string {
  const fault = connectFault(`No connection established. Last error: ${last} Resolution note: `);
  return fault === undefined ? "nothing" : `${fault.status}: ${fault.message}`;
}

const AT = "(2026-11-29T15:52:06.140Z).";
const NOT_ACCEPTED = "FAILED_PRECONDITION: its certificate is not accepted";
const UNKNOWN = `${NOT_ACCEPTED}: it is signed by an authority that is not trusted here`;
const ALTNAMES = "Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames:";

test.each([
  ["Error: unable to verify the first certificate.", UNKNOWN],
  ["Error: self signed certificate in certificate chain.", UNKNOWN],
  ["Error: self signed certificate.", `${NOT_ACCEPTED}: it is self-signed, and not among those trusted here`],
  ["Error: certificate has expired.", `${NOT_ACCEPTED}: it has expired`],
  ["Error: certificate is not yet valid.", `${NOT_ACCEPTED}: it is not valid yet; is the clock of this machine right?`],
  [
    `${ALTNAMES} Host: localhost. is not in the cert's altnames: DNS:a.example, DNS:*.b.example.`,
    `${NOT_ACCEPTED}: it is for other names: a.example, *.b.example`,
  ],
  [`${ALTNAMES} IP: ::1 is not in the cert's list: 127.0.0.1.`, `${NOT_ACCEPTED}: it is for other names: 127.0.0.1`],
  [`${ALTNAMES} IP: ::1 is not in the cert's list: .`, `${NOT_ACCEPTED}: it is for other names`],
  [
    "Error: error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER.",
    "FAILED_PRECONDITION: what answers does not speak TLS; is TLS off there, or is this the port of another program?",
  ],
  [
    `error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED ${AT}`,
    "FAILED_PRECONDITION: it wants a certificate of the client, and was shown none",
  ],
  [
    `error:10000418:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA ${AT}`,
    "FAILED_PRECONDITION: it refused the TLS connection: unknown ca",
  ],
  [`error:10000438:SSL routines:OPENSSL_internal:TLSV1_ALERT_INTERNAL_ERROR ${AT}`, "nothing"],
  [`Failed to connect ${AT}`, "UNAVAILABLE: it closed the connection before it spoke gRPC"],
  [
    "Error: Client network socket disconnected before secure TLS connection was established.",
    "UNAVAILABLE: it closed the connection before it spoke gRPC",
  ],
  ["connect ECONNREFUSED 127.0.0.1:1", "nothing"],
])("%s", (last, said) => {
  expect(saidOf(last)).toBe(said);
});

test("a web server is told from one of gRPC", () => {
  const notSupported = `No connection established. Last error: h2 is not supported ${AT} Resolution note: `;
  for (const details of ["Received HTTP status code 415", notSupported]) {
    expect(connectFault(details)?.message).toStartWith("what answers does not speak gRPC");
  }
  expect(connectFault("Received HTTP status code 503")).toBeUndefined();
  expect(connectFault("metric is missing")).toBeUndefined();
});

test("what no waiting changes is told from what may be over soon", () => {
  const isLasting = (last: string) => isLastingFault(saidOf(last).replace(/^[A-Z_]+: /, ""));
  expect(isLasting("Error: certificate has expired.")).toBe(true);
  expect(isLasting(`x:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA ${AT}`)).toBe(true);
  expect(isLasting(`Failed to connect ${AT}`)).toBe(false);
});
