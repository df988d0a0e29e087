/** The server's certificate as its files have it: read at the start, on a signal, and when they have changed. */
import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import {
  judgeCertificate,
  named,
  refused,
  timeOf,
  type CertificateFiles,
  type CertificatePem,
  type ServerCertificate,
} from "./server-certificate.ts";

export interface CertificateSourceDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of the certificate in force, also of the first. */
  onInForce?(certificate: ServerCertificate): void;
  /** Files that changed, or were to be read again, were taken or not. */
  onReload?(isTaken: boolean): void;
}

const LOOK_EVERY_MS = 10_000;
const DAY_MS = 24 * 3_600_000;
/** Before it expires, at most so long, and of one that lives shorter at most this part of its life; each is said once. */
const REMINDERS = [
  { beforeMs: 14 * DAY_MS, part: 1 / 5 },
  { beforeMs: 3 * DAY_MS, part: 1 / 10 },
  { beforeMs: 0, part: 0 },
];
const READABLE_BY_ALL = 0o004;

type Listener = (certificate: ServerCertificate) => void | Promise<void>;

/** What the files have: judged, or why not. `content` tells two looks apart. */
interface Look {
  readonly content: string;
  readonly certificate: ServerCertificate | Error;
}

export class CertificateSource {
  readonly files: CertificateFiles;
  readonly #deps: CertificateSourceDeps;
  readonly #listeners = new Set<Listener>();
  #current: ServerCertificate;
  /** What is dealt with: in force, or refused and told. */
  #content: string;
  /** Not accepted when it was looked at last: files are not replaced all at once. */
  #doubtful: string | undefined;
  #refusal: string | undefined;
  #reminded = 0;
  #cancel = () => {};
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(files: CertificateFiles, deps: CertificateSourceDeps, first: ServerCertificate, content: string) {
    this.files = files;
    this.#deps = deps;
    this.#current = first;
    this.#content = content;
    deps.onInForce?.(first);
    this.#remind();
    this.#lookLater();
  }

  /** Throws FAILED_PRECONDITION where the files cannot be used, with what to do. To be closed. */
  static async open(files: CertificateFiles, deps: CertificateSourceDeps): Promise<CertificateSource> {
    const { content, certificate } = await look(files, deps.clock.nowMs());
    if (certificate instanceof Error) throw certificate;
    for (const warning of certificate.warnings) deps.logger.warn({}, warning);
    await warnOfOpenKey(files.key, deps.logger);
    return new CertificateSource(files, deps, certificate, content);
  }

  get current(): ServerCertificate {
    return this.#current;
  }

  /** What somebody should see to, in a sentence: files that are refused, a certificate that expires. */
  get trouble(): string | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    return this.#due() === 0 ? undefined : this.#expirySentence();
  }

  /** Returns what ends it. The certificate counts as in force once all listeners are done. */
  onChanged(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the files now. What is wrong with them is said in the log, and the certificate in force stays. */
  reload(): Promise<void> {
    return this.#lookNow(true);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#listeners.clear();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#deps.clock.after(LOOK_EVERY_MS, () => {
      this.#remind();
      void this.#lookNow(false).finally(() => this.#lookLater());
    });
  }

  #lookNow(isAsked: boolean): Promise<void> {
    return (this.#looking = this.#looking.then(async () => {
      const found = await look(this.files, this.#deps.clock.nowMs());
      if (!this.#isClosed) await this.#take(found, isAsked);
    }));
  }

  async #take({ content, certificate }: Look, isAsked: boolean): Promise<void> {
    const { logger, onReload } = this.#deps;
    if (content === this.#content && !isAsked) return;
    if (certificate instanceof Error) {
      const isSure = isAsked || this.#doubtful === content;
      this.#doubtful = content;
      if (!isSure) return;
      this.#content = content;
      onReload?.(false);
      this.#refusal = `new files of the certificate are not taken: ${certificate.message}`;
      const kept = `the certificate that was read before stays in force until ${timeOf(this.#current.notAfterMs)}`;
      logger.error({ reason: certificate.message }, `TLS: ${kept}; the files are not taken: ${certificate.message}`);
      return;
    }
    this.#doubtful = undefined;
    this.#refusal = undefined;
    this.#content = content;
    if (isSame(certificate, this.#current)) {
      if (isAsked) logger.info({}, "TLS: the files hold the certificate that is in force");
      return;
    }
    await this.#putInForce(certificate);
  }

  async #putInForce(certificate: ServerCertificate): Promise<void> {
    const { logger, onInForce, onReload } = this.#deps;
    this.#current = certificate;
    this.#reminded = 0;
    const tell = async (listener: Listener) => {
      try {
        await listener(certificate);
      } catch (error) {
        logger.error({ err: error }, `TLS: a port goes on with the certificate of before: ${messageOf(error)}`);
      }
    };
    await Promise.all([...this.#listeners].map(tell));
    onInForce?.(certificate);
    onReload?.(true);
    const { names, fingerprint, notAfterMs } = certificate;
    logger.info({ names, fingerprint }, `TLS: a new certificate is in force, until ${timeOf(notAfterMs)}`);
    for (const warning of certificate.warnings) logger.warn({}, warning);
    this.#remind();
  }

  #remind(): void {
    const { logger } = this.#deps;
    const due = this.#due();
    if (due <= this.#reminded) return;
    this.#reminded = due;
    const sentence = `TLS: ${this.#expirySentence()}`;
    if (due === REMINDERS.length) logger.error({}, sentence);
    else logger.warn({}, sentence);
  }

  /** How many of {@link REMINDERS}. */
  #due(): number {
    const { notBeforeMs, notAfterMs } = this.#current;
    const leftMs = notAfterMs - this.#deps.clock.nowMs();
    const lifeMs = notAfterMs - notBeforeMs;
    return REMINDERS.filter(({ beforeMs, part }) => leftMs <= Math.min(beforeMs, lifeMs * part)).length;
  }

  #expirySentence(): string {
    const what = `the certificate in ${named("cert", this.files.cert)}`;
    const until = timeOf(this.#current.notAfterMs);
    if (this.#due() < REMINDERS.length) return `${what} expires at ${until}; put a new one there before`;
    return `${what} expired at ${until}: clients refuse it; put a new one there`;
  }
}

async function look(files: CertificateFiles, nowMs: number): Promise<Look> {
  let pem: CertificatePem;
  try {
    const [cert, key, clientCa] = await Promise.all([
      read("cert", files.cert),
      read("key", files.key),
      files.clientCa === undefined ? undefined : read("client_ca", files.clientCa),
    ]);
    pem = { cert, key, clientCa };
  } catch (error) {
    return { content: messageOf(error), certificate: error as Error };
  }
  const content = Bun.SHA256.hash(Buffer.concat(partsOf(pem)), "hex");
  try {
    return { content, certificate: judgeCertificate(pem, files, nowMs) };
  } catch (error) {
    return { content, certificate: error as Error };
  }
}

async function read(setting: "cert" | "key" | "client_ca", path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EACCES" ? "EACCES: the server's user may not read it" : (code ?? messageOf(error));
    throw refused(`${named(setting, path)} cannot be read: ${why}; wanted a PEM file`);
  }
}

async function warnOfOpenKey(path: string, logger: Logger): Promise<void> {
  const { mode = 0 } = await stat(path).catch(() => ({}) as { mode?: number });
  if ((mode & READABLE_BY_ALL) === 0) return;
  logger.warn(
    {},
    `${named("key", path)} can be read by every user of this machine; chmod 600, or 640, keeps it secret`,
  );
}

function partsOf({ cert, key, clientCa = Buffer.alloc(0) }: CertificatePem): Buffer[] {
  return [cert, key, clientCa];
}

function isSame(one: CertificatePem, other: CertificatePem): boolean {
  return partsOf(one).every((part, i) => part.equals(partsOf(other)[i]));
}
