/** A session through a pipe: lines in are messages and commands, lines out are messages. */
import { addAbortSignal } from "node:stream";
import pc from "picocolors";
import type { SessionNews } from "../client/session-news.ts";
import { rawLines, type NumberedLine } from "../client/text-lines.ts";
import { WatchpostError } from "../model/errors.ts";
import type { CollaborationMessage } from "../wire/gen/collaboration_pb.ts";
import { carryOut, type ChatSetup } from "./chat.ts";
import { chatCommandOf } from "../model/chat-command.ts";
import { retryTeller } from "./client-flags.ts";
import { messageJson } from "./session-json.ts";
import { plainLine } from "./session-line.ts";
import { printable } from "./watch-table.ts";

export interface PipeOptions {
  readonly server: string;
  readonly json: boolean;
  /** Only listens, until it is interrupted. */
  readonly watch: boolean;
}

/** For what was read before Ctrl-C. */
const LEAVE_MS_MAX = 5_000;
const EXIT_INTERRUPTED = 130;
const BEGINS_ANEW = "the server cannot tell what was said meanwhile: what was said last follows";

/** Until standard input ends, and everything is confirmed. Exit code 1 where something was refused. */
export async function chatThroughPipe(setup: ChatSetup, { server, json, watch }: PipeOptions): Promise<void> {
  const { member, members, signal } = setup;
  const tellRetry = retryTeller(server);
  const joined = Promise.withResolvers<void>();
  let snapshots = 0;
  // Who reads slowly holds back what comes.
  const show = async (messages: readonly CollaborationMessage[]) => {
    if (process.stdout.write(messages.map(json ? messageJson : plainLine).join(""))) return;
    await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
  };
  const hear = async (news: SessionNews) => {
    members.take(news);
    switch (news.kind) {
      case "snapshot":
        if (snapshots++ > 0) console.error(pc.yellow(BEGINS_ANEW));
        await show(news.messages);
        return joined.resolve();
      case "message":
        return show([news.message]);
      case "refused":
        return tellRefused("", news.error);
      case "lost":
        return tellRetry(news.retry);
    }
  };
  const hearing = (async () => {
    for await (const news of member) await hear(news);
  })();
  // What cannot be retried ends the waiting for everything else; it is thrown below.
  hearing.catch(() => {}).finally(joined.resolve);
  const interrupted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const left = new AbortController();
  const reading = watch ? interrupted : readAll(setup, left.signal);
  reading.catch(() => {});
  try {
    await Promise.race([Promise.all([reading, joined.promise]), interrupted, hearing]);
  } finally {
    left.abort();
  }
  await member.leave(signal.aborted ? { signal: AbortSignal.timeout(LEAVE_MS_MAX) } : {});
  await hearing;
  if (signal.aborted && !watch) process.exitCode = EXIT_INTERRUPTED;
  if (!signal.aborted) await reading;
}

/** Until standard input ends, or `left` aborts. */
async function readAll(setup: ChatSetup, left: AbortSignal): Promise<void> {
  try {
    for await (const lines of rawLines(addAbortSignal(left, process.stdin))) {
      for (const line of lines) {
        if (left.aborted || (await takeLine(line, setup)) === "quit") return;
      }
    }
  } catch (error) {
    if (!left.aborted) throw error;
  }
}

/** Resolves when it is kept, or refused: one after the other, so that their order is kept. */
async function takeLine({ number, text }: NumberedLine, setup: ChatSetup): Promise<"quit" | "taken"> {
  try {
    if (text === null) throw new WatchpostError("INVALID_ARGUMENT", "it is too long");
    const command = chatCommandOf(text.replace(/\r$/, ""));
    if (command?.kind === "quit") return "quit";
    for (const line of command === undefined ? [] : await carryOut(command, setup)) console.error(line);
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    // What has ended everything is said once.
    if (error !== setup.member.failure) tellRefused(`line ${number}: `, error);
  }
  return "taken";
}

function tellRefused(where: string, { message }: WatchpostError): void {
  console.error(`${pc.red("error:")} ${where}${message.split("\n").map(printable).join("\n")}`);
  process.exitCode = 1;
}
