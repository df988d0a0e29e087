/** Certificates of clients, as the transport tells them, from the gate's side. */
import { expect, test } from "bun:test";
import type { WatchpostError } from "../../src/model/errors.ts";
import { DAMAGED } from "../../src/model/journal.ts";
import type { PeerCertificate } from "../../src/model/peer-certificate.ts";
import type { Caller } from "../../src/wire/gate.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { accessRig, bare, QUERY, showing, UPLOAD } from "./rig.ts";

const DAY = 86_400_000;
const DEVICE = { role: "ingest", scope: "device" } as const;
const [PUMP, OTHER] = ["a7".repeat(32), "b8".repeat(32)];

function of(commonName: string, fields: Partial<PeerCertificate> = {}): Caller {
  const notAfterMs = Date.UTC(2026, 0, 1) + DAY;
  const certificate = { commonName, dnsNames: [], fingerprint: PUMP, serialNumber: "01", notAfterMs, ...fields };
  return { ...bare(), certificate };
}

function refusalOf(run: () => unknown): WatchpostError {
  try {
    run();
  } catch (error) {
    return error as WatchpostError;
  }
  throw new Error("it was taken");
}

test("a device is known by its certificate, and writes what is its own", async () => {
  const { admit, gate } = await accessRig({ certificates: DEVICE });
  expect(gate.isOn).toBe(true);
  const { principal } = admit(UPLOAD, of("pump-7"));
  expect(principal).toMatchObject({ name: "pump-7", role: "ingest", via: "certificate", isAuthenticated: true });
  expect(principal.scope.takes({ source: "pump-7", device: "pump-7", site: "" })).toBe(true);
  expect(principal.scope.takes({ source: "gateway", device: "pump-7", site: "" })).toBe(true);
  expect(principal.scope.takes({ source: "pump-7", device: "pump-8", site: "" })).toBe(false);
  expect(refusalOf(() => admit(QUERY, of("pump-7"))).status).toBe("PERMISSION_DENIED");
  expect(refusalOf(() => admit(UPLOAD, bare())).message).toContain("neither a token nor a certificate came");
});

test("a gateway's is for its source, and one may be for everything", async () => {
  const { admit } = await accessRig({ certificates: { role: "operator", scope: "source" } });
  const { scope, role } = admit(QUERY, of("gw")).principal;
  expect(role).toBe("operator");
  expect(scope.takes({ source: "gw", device: "pump-7", site: "" })).toBe(true);
  expect(scope.takes({ source: "other", device: "gw", site: "" })).toBe(false);
  const all = await accessRig({ certificates: { role: "viewer", scope: "everything" } });
  expect(all.admit(QUERY, of("anybody | else")).principal.scope.isEverything).toBe(true);
});

test("spaces within a common name are part of it", async () => {
  const { admit, revoked } = await accessRig({ certificates: DEVICE });
  const { principal } = admit(UPLOAD, of("pump 7"));
  expect(principal.name).toBe("pump 7");
  expect(principal.scope.takes({ source: "gw", device: "pump 7", site: "" })).toBe(true);
  for (const device of ["pump", "7", "pump7", "pump  7"]) {
    expect(principal.scope.takes({ source: "gw", device, site: "" })).toBe(false);
  }
  await revoked.revoke("pump 7", "ann");
  expect(refusalOf(() => admit(UPLOAD, of("pump 7"))).message).toContain("was revoked");
});

test("a token that is shown beside a certificate is whoever calls, good or not", async () => {
  const { admit, make } = await accessRig({ certificates: DEVICE });
  const secret = await make({ name: "me" });
  const both = (shown: string): Caller => ({ ...of("pump-7"), headers: showing(shown).headers });
  expect(admit(QUERY, both(secret)).principal.name).toBe("me");
  expect(refusalOf(() => admit(UPLOAD, both(`${secret}x`))).status).toBe("UNAUTHENTICATED");
});

test("where certificates say nothing of who calls they count for nothing", async () => {
  const { admit, make } = await accessRig();
  expect(admit(QUERY, of("pump-7")).principal.name).toBe("anonymous");
  await make({ name: "me" });
  expect(refusalOf(() => admit(UPLOAD, of("pump-7"))).message).toContain("no token came");
});

test("a name that is none, stands for others, or has run out is refused", async () => {
  const { admit, clock, reasons } = await accessRig({ certificates: DEVICE });
  for (const name of ["", "  ", " pump-7", "pump-7 ", "*", "pump-?", "a|b", "a\nb", "pump-7\u200b", "x".repeat(300)]) {
    const { status, message } = refusalOf(() => admit(UPLOAD, of(name)));
    expect(status).toBe("UNAUTHENTICATED");
    expect(message).toMatch(/names nobody|could stand for others/);
    clock.advance(60_000);
  }
  const cuts: string[] = [];
  admit(UPLOAD, of("pump-7")).hold(({ status }) => void cuts.push(status));
  clock.advance(DAY);
  expect(cuts).toEqual(["UNAUTHENTICATED"]);
  expect(refusalOf(() => admit(UPLOAD, of("pump-7"))).message).toContain("has run out on 2026-01-02");
  expect(new Set(reasons)).toEqual(new Set(["bad_certificate"]));
});

test("what is revoked, by name or fingerprint, ends at once and stays refused after a restart", async () => {
  const { admit, revoked, journal, clock } = await accessRig({ certificates: DEVICE });
  const cuts: string[] = [];
  const holding = (name: string, fingerprint: string) =>
    admit(UPLOAD, of(name, { fingerprint })).hold(({ message }) => void cuts.push(`${name} ${message}`));
  holding("pump-7", PUMP);
  holding("pump-8", OTHER);
  await revoked.revoke(OTHER.toUpperCase().replace(/..(?=.)/g, "$&:"), "ann");
  expect(cuts).toEqual(["pump-8 the certificate was revoked"]);
  expect(refusalOf(() => admit(UPLOAD, of("pump-8", { fingerprint: OTHER }))).message).toContain("was revoked");
  expect(admit(UPLOAD, of("pump-8", { fingerprint: "c9".repeat(32) })).principal.name).toBe("pump-8");
  await revoked.revoke("pump-7", "ann");
  await revoked.revoke("pump-7", "bob");
  expect(cuts.slice(1)).toEqual(["pump-7 the certificate was revoked"]);
  expect(refusalOf(() => admit(UPLOAD, of("pump-7", { fingerprint: OTHER }))).message).toContain("was revoked");

  const again = await accessRig({ certificates: DEVICE, journal, clock });
  expect(again.revoked.list().map(({ certificate, revokedBy }) => `${certificate} ${revokedBy}`)).toEqual([
    `${OTHER} ann`,
    "pump-7 ann",
  ]);
  expect(refusalOf(() => again.admit(UPLOAD, of("pump-7"))).message).toContain("was revoked");
  await again.revoked.reinstate("pump-7");
  expect(again.admit(UPLOAD, of("pump-7")).principal.name).toBe("pump-7");
  await expect(again.revoked.reinstate("pump-7")).rejects.toThrow('certificate "pump-7" is not revoked');
  for (const wrong of ["", " ", "a\nb", "x".repeat(300)]) {
    expect(() => again.revoked.revoke(wrong, "ann")).toThrow("wanted the common name of a certificate");
  }
});

test("one that was revoked and is damaged is revoked", async () => {
  const journal = new MemoryJournal();
  await journal.append([], [{ collection: "revoked-certificate", key: "pump-7", sort: 0, value: DAMAGED }]);
  const { revoked, admit } = await accessRig({ certificates: DEVICE, journal });
  expect(revoked.list()).toEqual([{ certificate: "pump-7", revokedAtMs: 0, revokedBy: "" }]);
  expect(refusalOf(() => admit(UPLOAD, of("pump-7"))).message).toContain("was revoked");
});

test("one that another version has revoked is revoked, whatever it says of it", async () => {
  const journal = new MemoryJournal();
  await journal.append([], [{ collection: "revoked-certificate", key: "pump-7", sort: 0, value: "not json" }]);
  const { troubles, admit } = await accessRig({ certificates: DEVICE, journal });
  expect(troubles).toHaveLength(1);
  expect(refusalOf(() => admit(UPLOAD, of("pump-7"))).message).toContain("was revoked");
});
