/**
 * Certificates of clients that are not believed any more, by the name or the fingerprint that stands in them. They are kept in the
 * journal; changes come one after the other, and hold once they are durable, before whoever asked hears of it.
 */
import type { Clock } from "../model/clock.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { DAMAGED, type DocumentChange, type StoredDocument } from "../model/journal.ts";
import { Serial } from "../model/serial.ts";
import { documentName, SetAside } from "../model/set-aside.ts";
import type { TokenJournal } from "./tokens.ts";

export interface RevokedCertificate {
  /** Common name, or fingerprint: SHA-256, 64 lower-case hexadecimal digits. */
  readonly certificate: string;
  readonly revokedAtMs: number;
  readonly revokedBy: string;
}

export interface RevokedCertificatesDeps {
  readonly journal: TokenJournal;
  readonly clock: Pick<Clock, "nowMs">;
  onTrouble(sentence: string): void;
}

export const REVOKED_CERTIFICATES = "revoked-certificate";

const REVOKED_MAX = 100_000;
const NAME_LENGTH_MAX = 256;
const DOCUMENTS_AT_ONCE = 500;
const ALL = "";

export class RevokedCertificates {
  readonly #deps: RevokedCertificatesDeps;
  readonly #setAside: SetAside;
  readonly #revoked = new Map<string, RevokedCertificate>();
  readonly #serial = new Serial();
  readonly #listeners = new Set<(certificate: string) => void>();

  private constructor(deps: RevokedCertificatesDeps) {
    this.#deps = deps;
    this.#setAside = new SetAside(deps.onTrouble);
  }

  static async open(deps: RevokedCertificatesDeps): Promise<RevokedCertificates> {
    const revoked = new RevokedCertificates(deps);
    await revoked.#restore();
    return revoked;
  }

  has(nameOrFingerprint: string): boolean {
    return this.#revoked.has(nameOrFingerprint);
  }

  /** In order of names. */
  list(): RevokedCertificate[] {
    return [...this.#revoked.values()].sort((a, b) => (a.certificate < b.certificate ? -1 : 1));
  }

  /** The same again changes nothing. Throws INVALID_ARGUMENT, RESOURCE_EXHAUSTED where there are too many. */
  revoke(given: string, revokedBy: string): Promise<RevokedCertificate> {
    const certificate = certificateIn(given);
    return this.#serial.run(ALL, async () => {
      const already = this.#revoked.get(certificate);
      if (already !== undefined) return already;
      if (this.#revoked.size >= REVOKED_MAX) {
        const message = `${REVOKED_MAX} certificates are revoked already; reinstate those that have run out`;
        throw new WatchpostError("RESOURCE_EXHAUSTED", message);
      }
      const revokedAtMs = Math.floor(this.#deps.clock.nowMs());
      const revoked: RevokedCertificate = { certificate, revokedAtMs, revokedBy };
      await this.#deps.journal.append([], [change(certificate, JSON.stringify({ revokedAtMs, revokedBy }))]);
      this.#revoked.set(certificate, revoked);
      for (const listener of this.#listeners) listener(certificate);
      return revoked;
    });
  }

  /** It is believed again. Throws NOT_FOUND. */
  reinstate(given: string): Promise<RevokedCertificate> {
    const certificate = certificateIn(given);
    return this.#serial.run(ALL, async () => {
      const revoked = this.#revoked.get(certificate);
      if (revoked === undefined) {
        const message = `the certificate ${JSON.stringify(certificate)} is not revoked; wanted the name or fingerprint that was`;
        throw new WatchpostError("NOT_FOUND", message);
      }
      await this.#deps.journal.append([], [change(certificate, null)]);
      this.#revoked.delete(certificate);
      return revoked;
    });
  }

  /** Calls `listener` with each name or fingerprint that is revoked, once that holds. Returns what ends it. */
  follow(listener: (certificate: string) => void): () => void {
    const own = (certificate: string) => listener(certificate);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** What another node has written, as it holds now. */
  heard(changes: readonly DocumentChange[]): void {
    for (const { collection, key, value } of changes) {
      if (collection !== REVOKED_CERTIFICATES) continue;
      if (value === null) this.#revoked.delete(key);
      else this.#take(key, value);
      if (value !== null) for (const listener of this.#listeners) listener(key);
    }
  }

  /** Whatever cannot be read of it, it is revoked. */
  #take(certificate: string, value: string): void {
    const unknown = { revokedAtMs: 0, revokedBy: "" };
    const name = documentName({ collection: REVOKED_CERTIFICATES, key: certificate });
    const read = () => this.#setAside.read(name, () => JSON.parse(value) as typeof unknown);
    const known = value === DAMAGED ? unknown : read();
    this.#revoked.set(certificate, { ...unknown, ...known, certificate });
  }

  async #restore(): Promise<void> {
    for (let after: StoredDocument | undefined; ;) {
      const page = await this.#deps.journal.documents({
        collection: REVOKED_CERTIFICATES,
        limit: DOCUMENTS_AT_ONCE,
        hasDamaged: true,
        ...(after && { after }),
      });
      for (const { key, value } of page) this.#take(key, value);
      if (page.length < DOCUMENTS_AT_ONCE) return;
      after = page.at(-1);
    }
  }
}

function change(key: string, value: string | null): DocumentChange {
  return { collection: REVOKED_CERTIFICATES, key, sort: 0, value };
}

/** Fingerprints as openssl writes them, too: "AB:CD:…". */
function certificateIn(given: string): string {
  const digits = given.replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  if (given.trim() !== "" && given.length <= NAME_LENGTH_MAX && !/\p{Cc}/u.test(given)) return given;
  const wanted = `the common name of a certificate, 1 to ${NAME_LENGTH_MAX} characters on one line, or its SHA-256 fingerprint`;
  throw invalidField("certificate", given, wanted);
}
