/** Enough of SMTP to be sent mail by: what it answers to each command is the test's to say. */
import type { Socket } from "node:net";
import { rawServer, type RawServer } from "./rig.ts";

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly message: string;
}

export interface SmtpServer extends RawServer {
  readonly mails: TakenMail[];
  /** Every line it was sent, those of messages excepted. */
  readonly commands: string[];
}

/** Undefined: what a willing server answers. "": nothing. */
export type Reply = (command: string, count: number) => string | undefined;

interface Session {
  from: string;
  to: string[];
  /** Where in what came its next line begins. */
  at: number;
  inData: boolean;
}

export async function smtpServer(reply: Reply = () => undefined): Promise<SmtpServer> {
  const mails: TakenMail[] = [];
  const commands: string[] = [];
  const sessions = new WeakMap<Socket, Session>();
  const counts = new Map<string, number>();

  const answer = (socket: Socket, command: string, usual: string): string => {
    const count = (counts.get(command) ?? 0) + 1;
    counts.set(command, count);
    const text = reply(command, count) ?? usual;
    if (text !== "") socket.write(`${text}\r\n`);
    return text;
  };

  const onLine = (socket: Socket, session: Session, line: string): void => {
    commands.push(line);
    const [, address = ""] = /<([^>]*)>/.exec(line) ?? [];
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") answer(socket, line, "250-test\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME");
    else if (verb === "AUTH") answer(socket, line, "235 welcome");
    else if (verb === "MAIL") {
      if (answer(socket, line, "250 ok").startsWith("2")) Object.assign(session, { from: address, to: [] });
    } else if (verb === "RCPT") {
      if (answer(socket, line, "250 ok").startsWith("2")) session.to.push(address);
    } else if (verb === "DATA") session.inData = answer(socket, line, "354 go on").startsWith("3");
    else if (verb === "QUIT") socket.end("221 bye\r\n");
    else answer(socket, line, "502 what?");
  };

  const server = await rawServer(
    (socket, text) => {
      const session = sessions.get(socket)!;
      for (;;) {
        const end = text.indexOf(session.inData ? "\r\n.\r\n" : "\r\n", session.at);
        if (end < 0) return;
        const part = text.slice(session.at, end);
        session.at = end + (session.inData ? 5 : 2);
        if (!session.inData) onLine(socket, session, part);
        else {
          session.inData = false;
          const { from, to } = session;
          if (answer(socket, "message", "250 taken").startsWith("2")) mails.push({ from, to, message: part });
        }
      }
    },
    (socket) => {
      sessions.set(socket, { from: "", to: [], at: 0, inData: false });
      answer(socket, "connect", "220 test ESMTP");
    },
  );
  return Object.assign(server, { mails, commands });
}

/** Headers by their name in lower case, folded lines joined; those of the message, not of its parts. */
export function headersOf(message: string): Map<string, string> {
  const head = message.slice(0, message.indexOf("\r\n\r\n")).replaceAll(/\r\n[ \t]+/g, " ");
  return new Map(
    head
      .split("\r\n")
      .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
}
