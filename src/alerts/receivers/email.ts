/** Mail through an SMTP server; recipients that have it are not sent it again when another did not get it. */
import type { Notification } from "../notify/notification.ts";
import { refused, tryAgain } from "./delivery-error.ts";
import { mailBody } from "./email-body.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Receiver, ReceiverDeps, ReceiverIdentity } from "./receiver.ts";
import { percentDecoded } from "./scrub.ts";
import type { Secret } from "./secret.ts";
import { handOver, type Handover, type SmtpSecurity, type SmtpServer } from "./smtp.ts";
import { tlsOptions, type TlsConfig } from "./tls-files.ts";

export interface EmailConfig {
  readonly kind: "email";
  readonly timeoutMs: number;
  /** Instead of host, port, user and password. */
  readonly smtpUrl: Secret | undefined;
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string;
  readonly password: Secret | undefined;
  /** Undefined: as the URL or the port says, otherwise STARTTLS. */
  readonly security: SmtpSecurity | undefined;
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly tls: TlsConfig;
}

const PORTS: Readonly<Record<SmtpSecurity, number>> = { starttls: 587, tls: 465, none: 25 };
const REFERENCE_LENGTH = 32;
const REJECTIONS_NAMED_MAX = 3;
const WANTED = "wanted addresses in `to` that the server takes mail for";

/** What is left to do of a notification between its attempts. */
interface Letter {
  readonly messageId: string;
  /** Addresses that do not have it yet. */
  readonly pending: Set<string>;
}

export function emailReceiver(identity: ReceiverIdentity, config: EmailConfig, deps: ReceiverDeps): Receiver {
  const letters = new WeakMap<Notification, Letter>();
  return {
    ...identity,
    async send(notification, { signal }) {
      let letter = letters.get(notification);
      if (letter === undefined) letters.set(notification, (letter = newLetter(config, notification, deps)));
      const server = await smtpServerOf(config);
      const message = await messageOf(config, notification, letter, deps.clock.nowMs());
      const envelope = { from: config.from.address, to: [...letter.pending] };
      conclude(await handOver(server, envelope, message, { clock: deps.clock, signal }), letter);
    },
    async close() {},
  };
}

/** Throws FAILED_PRECONDITION where the URL is none; its text is not said. */
export async function smtpServerOf(config: EmailConfig): Promise<SmtpServer> {
  const { smtpUrl, tls } = config;
  const { host, port, user, password, isTls } = smtpUrl
    ? urlParts(await smtpUrl.reveal(), smtpUrl.shown)
    : { ...config, password: (await config.password?.reveal()) ?? "", isTls: config.port === PORTS.tls };
  const security = config.security ?? (isTls ? "tls" : "starttls");
  return { host, port: port ?? PORTS[security], security, user, password, tls: await tlsOptions(tls) };
}

function urlParts(text: string, shown: string) {
  const url = URL.parse(text);
  if (url === null || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    throw refused(`${shown} is no URL such as smtp://user:password@host:587 or smtps://host`);
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? undefined : Number(url.port),
    isTls: url.protocol === "smtps:",
    user: percentDecoded(url.username),
    password: percentDecoded(url.password),
  };
}

function newLetter({ from, to }: EmailConfig, notification: Notification, { clock, random }: ReceiverDeps): Letter {
  const unique = `${clock.nowMs().toString(36)}.${random().toString(36).slice(2)}`;
  // The same for all attempts: a server that took it without our hearing of it can tell the second one.
  const messageId = `<${referenceOf(notification)}.${unique}@${domainOf(from)}>`;
  return { messageId, pending: new Set(to.map(({ address }) => address)) };
}

async function messageOf(config: EmailConfig, notification: Notification, letter: Letter, nowMs: number) {
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
  const { from, to } = config;
  // Mails of one group become one thread, under a root that was never sent.
  const root = `<${referenceOf(notification)}@${domainOf(from)}>`;
  const mail = new MailComposer({
    from: { ...from },
    to: to.map((mailbox) => ({ ...mailbox })),
    ...mailBody(notification),
    messageId: letter.messageId,
    inReplyTo: root,
    references: root,
    date: new Date(nowMs),
    // Nobody's "out of office" is to answer (RFC 3834).
    headers: { "auto-submitted": "auto-generated" },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return mail.compile().build();
}

function conclude({ accepted, rejected }: Handover, { pending }: Letter): void {
  for (const address of accepted) pending.delete(address);
  if (rejected.length === 0) return;
  const named = rejected.slice(0, REJECTIONS_NAMED_MAX).map(({ recipient, answer }) => `${recipient}: ${answer}`);
  const more = rejected.length > named.length ? `; and ${rejected.length - named.length} more` : "";
  const message = `not taken for ${named.join("; ")}${more} (taken for ${accepted.length})`;
  if (rejected.every(({ isPermanent }) => isPermanent)) throw refused(`${message}; ${WANTED}`);
  // Who is refused for good is not asked about again.
  for (const { recipient, isPermanent } of rejected) if (isPermanent) pending.delete(recipient);
  throw tryAgain(message);
}

function referenceOf({ groupKey }: Notification): string {
  return new Bun.CryptoHasher("sha256").update(groupKey).digest("hex").slice(0, REFERENCE_LENGTH);
}

function domainOf({ address }: Mailbox): string {
  return address.slice(address.lastIndexOf("@") + 1);
}
