/** Mail to real SMTP servers: willing ones, picky ones, slow ones, dead ones. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { tempDir } from "../../support/server-process.ts";
import { NASTY, nastyNotification, notificationOf } from "./notifications.ts";
import { closedPort, Rig, selfSigned, until, type TestCertificate } from "./rig.ts";
import { headersOf, smtpServer } from "./smtp-server.ts";

let directory: ReturnType<typeof tempDir>;
beforeAll(() => void (directory = tempDir("mail")));
afterAll(() => directory[Symbol.dispose]());

function emailTo(port: number, changes: Readonly<Record<string, unknown>> = {}) {
  const from = "Watchpost <watchpost@example.org>";
  return {
    email: { host: "127.0.0.1", port, security: "none", from, to: ["Ops <ops@example.org>", "b@x"], ...changes },
  };
}

const WHERE = (port: number) => `smtp server 127.0.0.1:${port}`;

test("one mail to all, with its headers; mails of a group are one thread", async () => {
  using server = await smtpServer();
  const rig = new Rig();
  const receiver = await rig.receiver(emailTo(server.port));
  expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ kind: "delivered", attempts: 1 });
  rig.clock.advance(60_000);
  expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ kind: "delivered", attempts: 1 });
  const [first, second] = server.mails;
  expect(first).toMatchObject({ from: "watchpost@example.org", to: ["ops@example.org", "b@x"] });
  const [headers, later] = [first, second].map(({ message }) => headersOf(message));
  expect(headers.get("from")).toBe("Watchpost <watchpost@example.org>");
  expect(headers.get("to")).toBe("Ops <ops@example.org>, b@x");
  expect(headers.get("subject")).toBe("[FIRING:1] high: Cold room 2 is too warm");
  expect(headers.get("date")).toBe("Sat, 31 Jan 2026 12:00:00 +0000");
  expect(headers.get("auto-submitted")).toBe("auto-generated");
  expect(headers.get("content-type")).toStartWith("multipart/alternative");
  expect(headers.get("references")).toBe(later.get("references")!);
  expect(headers.get("message-id")).toMatch(/^<[0-9a-f]{32}\.[a-z0-9.]+@example\.org>$/);
  expect(headers.get("message-id")).not.toBe(later.get("message-id")!);
  expect(first.message).toContain("Content-Type: text/plain; charset=utf-8");
  expect(first.message).toContain("Content-Type: text/html; charset=utf-8");
  await until(() => server.open.size === 0);
});

test("a login is made with the password of the URL or of a file, and only over what was agreed on", async () => {
  using server = await smtpServer();
  const rig = new Rig();
  const [user, password] = ["us@er", "pa ss"];
  const url = `smtp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;
  const receiver = await rig.receiver({ email: { smtp_url: url, security: "none", from: "a@b", to: "c@d" } });
  expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ kind: "delivered" });
  expect(server.commands[1]).toBe(`AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`);

  await until(() => server.open.size === 0);
  // Without "security: none" nothing is said to a server that has no TLS.
  const strict = await rig.receiver({ email: { smtp_url: url, from: "a@b", to: "c@d" } });
  server.commands.length = 0;
  const outcome = `${WHERE(server.port)} has no TLS (STARTTLS): it answered 502`;
  expect(await rig.deliver(strict, notificationOf())).toEqual({ kind: "failed", attempts: 1, outcome });
  expect(server.commands.map((line) => line.slice(0, 8))).toEqual([expect.stringContaining("EHLO"), "STARTTLS"]);
});

test("a recipient that is not known is not asked for again; the others have the mail once", async () => {
  using server = await smtpServer((command) => (command.includes("<b@x>") ? "550 5.1.1 no such user" : undefined));
  const rig = new Rig();
  const result = await rig.deliver(await rig.receiver(emailTo(server.port)), notificationOf());
  const outcome =
    "not taken for b@x: 550 5.1.1 no such user (taken for 1); wanted addresses in `to` that the server takes mail for";
  expect(result).toEqual({ kind: "failed", attempts: 1, outcome });
  expect(server.mails.map(({ to }) => to)).toEqual([["ops@example.org"]]);

  const alone = await rig.deliver(await rig.receiver(emailTo(server.port, { to: "b@x" })), notificationOf());
  expect(alone).toEqual({
    kind: "failed",
    attempts: 1,
    outcome:
      "not taken for b@x: 550 5.1.1 no such user (taken for 0); wanted addresses in `to` that the server takes mail for",
  });
});

test("a greylisted recipient is tried again, alone, with the same message id", async () => {
  using server = await smtpServer((command, count) => {
    return command.includes("<b@x>") && count < 3 ? "451 4.7.1 greylisted, come back" : undefined;
  });
  const rig = new Rig();
  const result = await rig.deliver(await rig.receiver(emailTo(server.port)), notificationOf());
  expect(result).toMatchObject({ kind: "delivered", attempts: 3 });
  const outcome = "not taken for b@x: 451 4.7.1 greylisted, come back";
  expect(rig.attempts.map((attempt) => attempt.outcome)).toEqual([
    `${outcome} (taken for 1)`,
    `${outcome} (taken for 0)`,
    "delivered",
  ]);
  expect(server.mails.map(({ to }) => to)).toEqual([["ops@example.org"], ["b@x"]]);
  const ids = server.mails.map(({ message }) => headersOf(message).get("message-id"));
  expect(ids[0]).toBe(ids[1]!);
});

test("a server that hangs at any step is cut off, and its connection closed", async () => {
  for (const step of ["connect", "EHLO", "MAIL", "RCPT", "DATA", "message"]) {
    let isHanging = false;
    using server = await smtpServer((command) => {
      if (!command.startsWith(step)) return undefined;
      isHanging = true;
      return "";
    });
    const rig = new Rig();
    const receiver = await rig.receiver(emailTo(server.port, { timeout: "5s" }));
    const delivered = rig.deliver(receiver, notificationOf());
    await until(() => isHanging);
    rig.clock.advance(5_000);
    await until(() => rig.attempts.length === 1);
    rig.stop.abort();
    await delivered;
    expect(rig.attempts[0]).toMatchObject({ outcome: "no answer within 5s", durationMs: 5_000 });
    expect(server.mails).toEqual([]);
    await until(() => server.open.size === 0);
  }
});

test("servers that are not there, that hang up or are none are named, and tried again", async () => {
  using busy = await smtpServer((command, count) => (command === "connect" && count < 2 ? "421 too busy" : undefined));
  const rig = new Rig();
  expect(await rig.deliver(await rig.receiver(emailTo(busy.port)), notificationOf())).toMatchObject({
    kind: "delivered",
  });
  expect(rig.attempts[0].outcome).toBe(`${WHERE(busy.port)} answered 421 too busy`);

  const port = await closedPort();
  using other = await smtpServer((command) => (command === "connect" ? "HTTP/1.1 400 Bad Request" : undefined));
  const cases = [
    [emailTo(port), `${WHERE(port)} refused the connection: does it run, and at this port?`],
    [
      emailTo(25, { host: "nowhere.invalid" }),
      "the name of smtp server nowhere.invalid:25 cannot be resolved: ENOTFOUND",
    ],
    [emailTo(other.port), `${WHERE(other.port)} answers what is not SMTP`],
  ] as const;
  for (const [channel, outcome] of cases) {
    const one = new Rig();
    expect(await one.deliver(await one.receiver(channel), notificationOf())).toEqual({
      kind: "failed",
      attempts: 8,
      outcome,
    });
  }
});

test("a login that is refused is final, and says the password to nobody", async () => {
  const password = "hunter2 hunter2";
  using server = await smtpServer((command) =>
    command.startsWith("AUTH") ? `535 no ${password} ${command} ${btoa(password)}` : undefined,
  );
  const rig = new Rig();
  const receiver = await rig.receiver(emailTo(server.port, { user: "ops", password }));
  const { kind, attempts, outcome } = await rig.deliver(receiver, notificationOf());
  expect([kind, attempts]).toEqual(["failed", 1]);
  expect(outcome).toStartWith(`${WHERE(server.port)} answered 535 no <secret> AUTH PLAIN <secret> <secret>`);
  expect(outcome).not.toContain(btoa(`\0ops\0${password}`));
});

test("whatever a label holds, there is one mail, with the headers it should have", async () => {
  using server = await smtpServer();
  const rig = new Rig();
  const receiver = await rig.receiver(emailTo(server.port));
  for (const text of NASTY) {
    expect(await rig.deliver(receiver, nastyNotification(text))).toMatchObject({ kind: "delivered", attempts: 1 });
  }
  expect(server.mails).toHaveLength(NASTY.length);
  const names = ["from", "to", "subject", "message-id", "in-reply-to", "references", "date", "auto-submitted"];
  for (const { message, to } of server.mails) {
    expect([...headersOf(message).keys()].sort()).toEqual([...names, "mime-version", "content-type"].sort());
    expect(to).toEqual(["ops@example.org", "b@x"]);
  }
  const verbs = new Set(server.commands.map((line) => line.split(/[ :]/)[0]));
  expect([...verbs].sort()).toEqual(["DATA", "EHLO", "MAIL", "QUIT", "RCPT"]);
});

/** Willing, behind TLS from the first byte on or after STARTTLS. */
async function tlsSmtpServer(files: TestCertificate, isImplicit: boolean) {
  const pair = { key: readFileSync(files.key), cert: readFileSync(files.cert) };
  const received: string[] = [];
  const converse = (socket: Socket, onStartTls?: () => void) => {
    socket.on("error", () => {});
    socket.on("data", (data: Buffer) => {
      const lines = data.toString().split("\r\n");
      for (const line of lines.filter((each) => /^[A-Z]{4}|^\.$/.test(each))) {
        received.push(line.slice(0, 8));
        if (line === "STARTTLS") return onStartTls?.();
        const isEhlo = line.startsWith("EHLO") && onStartTls !== undefined;
        socket.write(line === "DATA" ? "354 go on\r\n" : isEhlo ? "250-test\r\n250 STARTTLS\r\n" : "250 ok\r\n");
      }
    });
  };
  const greet = (socket: Socket) => socket.write("220 test ESMTP\r\n");
  const server = isImplicit
    ? createTlsServer(pair, (socket) => [converse(socket), greet(socket)])
    : createServer((socket) => {
        converse(socket, () => {
          socket.removeAllListeners("data");
          socket.write("220 go on\r\n");
          converse(new TLSSocket(socket, { isServer: true, ...pair }));
        });
        greet(socket);
      });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, received, [Symbol.dispose]: () => void server.close() };
}

test("TLS, at once or after STARTTLS: verified by default, with an authority of one's own, or not", async () => {
  const files = selfSigned(directory.path);
  for (const scheme of ["smtps", "smtp"]) {
    using server = await tlsSmtpServer(files, scheme === "smtps");
    const outcomes = [];
    for (const tls of [{}, { ca_file: files.cert }, { insecure_skip_verify: true }]) {
      const rig = new Rig();
      const smtp_url = `${scheme}://localhost:${server.port}`;
      const receiver = await rig.receiver({ email: { smtp_url, from: "a@b", to: "c@d", tls } });
      outcomes.push((await rig.deliver(receiver, notificationOf())).outcome);
      expect(rig.attempts).toHaveLength(1);
    }
    const where = `smtp server localhost:${server.port}`;
    const notAccepted = `the certificate of ${where} is not accepted: it is self-signed, and not among those trusted here (DEPTH_ZERO_SELF_SIGNED_CERT)`;
    expect(outcomes).toEqual([notAccepted, "delivered", "delivered"]);
    expect(server.received.filter((line) => line === "DATA")).toHaveLength(2);
    expect(server.received.filter((line) => line === "STARTTLS")).toHaveLength(scheme === "smtp" ? 3 : 0);
  }
});
