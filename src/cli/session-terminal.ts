/** A session on a terminal: what is said goes by above, what is typed stays below. */
import pc from "picocolors";
import type { SessionNews } from "../client/session-news.ts";
import { WatchpostError } from "../model/errors.ts";
import type { CollaborationMessage } from "../wire/gen/collaboration_pb.ts";
import { carryOut, issueWords, type ChatSetup } from "./chat.ts";
import { chatCommandOf, completionOf } from "../model/chat-command.ts";
import { cut } from "./fit-text.ts";
import { LineEditor } from "./line-editor.ts";
import { layoutPrompt, type PromptLayout } from "./prompt-layout.ts";
import { PromptScreen, type Terminal } from "./prompt-screen.ts";
import { openRawTerminal } from "./raw-terminal.ts";
import { dayOf, paintedLines, shownName } from "./session-line.ts";
import { TerminalKeys } from "./terminal-keys.ts";
import { printable } from "./watch-table.ts";

const TICK_MS = 1_000;
const TYPING_EVERY_MS = 4_000;
const TYPING_SHOWN_MS = 7_000;
const LEAVE_MS_MAX = 5_000;
const TYPERS_SHOWN_MAX = 3;
const LABEL_WIDTH_MAX = 30;
const ENCRYPTED = "what is said here is encrypted; commands such as /ack, /issue and /annotate are not";

/** Until it is left; resolves when the session has heard of that. Throws what cannot be retried. */
export async function chatOnTerminal(setup: ChatSetup): Promise<void> {
  const raw = openRawTerminal();
  const chat = new TerminalChat(setup, raw);
  try {
    await chat.run(raw);
  } finally {
    chat.close();
    raw.close();
  }
}

class TerminalChat {
  readonly #setup: ChatSetup;
  readonly #terminal: Terminal;
  readonly #screen: PromptScreen;
  readonly #editor = new LineEditor(completionOf);
  readonly #keys = new TerminalKeys();
  readonly #ticking: Timer;
  /** Until when somebody counts as typing, monotonic. */
  readonly #typing = new Map<string, number>();
  readonly #left = Promise.withResolvers<void>();
  #toldTypingAtMs = -Infinity;
  /** Why there is no connection; "": there is one. */
  #trouble = "there is no answer yet";
  #hasJoined = false;
  #isLeaving = false;
  #day = "";

  constructor(setup: ChatSetup, terminal: Terminal) {
    this.#setup = setup;
    this.#terminal = terminal;
    this.#screen = new PromptScreen(terminal, (size) => this.#layout(size));
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    setup.signal.addEventListener("abort", () => this.#leave());
  }

  async run(raw: ReturnType<typeof openRawTerminal>): Promise<void> {
    const { member } = this.#setup;
    raw.onInput((text) => this.#typed(text, raw));
    raw.onChange(() => this.#screen.redraw());
    this.#screen.redraw();
    const hearing = (async () => {
      for await (const news of member) this.#heard(news);
    })();
    hearing.catch(() => {});
    await Promise.race([this.#left.promise, hearing]);
    await member.leave({ signal: AbortSignal.timeout(LEAVE_MS_MAX) });
    await hearing;
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#screen.close();
  }

  #heard(news: SessionNews): void {
    const { members } = this.#setup;
    members.take(news);
    switch (news.kind) {
      case "snapshot":
        return this.#begin(news);
      case "message":
        this.#trouble = "";
        this.#typing.delete(news.message.userId);
        return this.#screen.print(this.#messageLines([news.message]));
      case "passing":
        return this.#passing(news.message);
      case "refused":
        return this.#tellRefused(news.error, "");
      case "lost":
        if (this.#trouble === "") this.#note(pc.yellow, `the connection is lost: ${news.retry.error.message}`);
        this.#trouble = news.retry.error.message;
        return this.#screen.redraw();
      case "resumed":
        this.#trouble = "";
        return this.#note(pc.green, "connected again");
    }
  }

  #begin({ messages, issues, members }: Extract<SessionNews, { kind: "snapshot" }>): void {
    const { sessionId, member: self } = this.#setup;
    const lines: string[] = [];
    if (this.#hasJoined) lines.push(pc.yellow("the server cannot tell what was said meanwhile; this was said last:"));
    this.#hasJoined = true;
    this.#trouble = "";
    lines.push(...this.#messageLines(messages));
    lines.push(...issues.map((issue) => pc.dim(`open: ${issueWords(issue)}`)));
    const others = members.filter((member) => member.userId !== self.userId).map((member) => shownName(member.userId));
    const company =
      others.length === 0 ? "nobody else is here" : `${listed(others)} ${others.length === 1 ? "is" : "are"} here`;
    lines.push(pc.dim(`session ${printable(sessionId)}: ${company}; /help lists commands, /quit leaves`));
    if (this.#setup.isEncrypted) lines.push(pc.dim(ENCRYPTED));
    this.#screen.print(lines);
  }

  #messageLines(messages: readonly CollaborationMessage[]): string[] {
    return messages.flatMap((message) => {
      const day = dayOf(message);
      const isNew = day !== this.#day;
      this.#day = day;
      return [
        ...(isNew ? [pc.dim(`--- ${day} ---`)] : []),
        ...paintedLines(message, this.#setup.member.userId, this.#terminal.columns),
      ];
    });
  }

  #passing({ messageType, userId }: CollaborationMessage): void {
    if (messageType !== "typing" || userId === this.#setup.member.userId) return;
    this.#typing.set(userId, performance.now() + TYPING_SHOWN_MS);
    this.#screen.redraw();
  }

  #typed(text: string, raw: ReturnType<typeof openRawTerminal>): void {
    for (const key of this.#keys.take(text)) {
      const outcome = this.#editor.press(key);
      if (outcome.kind === "entered") this.#enter(outcome.text);
      else if (outcome.kind === "left") this.#leave();
      else if (outcome.kind === "cleared") this.#screen.clear();
      else if (outcome.kind === "suspended") {
        this.#screen.erase();
        raw.suspend();
      } else this.#tellTyping();
    }
    this.#screen.redraw();
  }

  #enter(text: string): void {
    if (this.#isLeaving) return;
    let command;
    try {
      command = chatCommandOf(text);
    } catch (error) {
      return this.#tellRefused(error, "");
    }
    if (command === undefined) return;
    if (command.kind === "quit") return this.#leave();
    // What is said next is told of anew.
    this.#toldTypingAtMs = -Infinity;
    carryOut(command, this.#setup).then(
      (lines) => lines.length > 0 && this.#screen.print(lines),
      (error: unknown) => this.#tellRefused(error, text),
    );
  }

  #tellTyping(): void {
    const { text } = this.#editor;
    const nowMs = performance.now();
    if (text.trim() === "" || text.startsWith("/") || nowMs - this.#toldTypingAtMs < TYPING_EVERY_MS) return;
    this.#toldTypingAtMs = nowMs;
    this.#setup.member.tell("typing");
  }

  /** `text`: what was typed; "" where that is to be seen. */
  #tellRefused(error: unknown, text: string): void {
    if (!(error instanceof WatchpostError)) throw error;
    // What has ended everything is said once.
    if (error === this.#setup.member.failure) return;
    if (error.status === "CANCELLED") {
      process.exitCode = 1;
      return this.#screen.print([`${pc.red("not sent:")} ${printable(text)}`]);
    }
    const [first, ...more] = error.message.split("\n").map(printable);
    const what = text === "" ? "" : pc.dim(` (${cut(printable(text), 40)})`);
    this.#screen.print([`${pc.red("refused:")} ${first}${more.length === 0 ? what : ""}`, ...more]);
  }

  #note(paint: (text: string) => string, text: string): void {
    this.#screen.print([paint(printable(text))]);
  }

  /** A second one does not wait. */
  #leave(): void {
    if (this.#isLeaving) void this.#setup.member.leave({ signal: AbortSignal.abort() });
    this.#isLeaving = true;
    this.#left.resolve();
    this.#screen.redraw();
  }

  #tick(): void {
    const nowMs = performance.now();
    let isOver = false;
    for (const [user, untilMs] of this.#typing) if (untilMs < nowMs) isOver = this.#typing.delete(user);
    if (isOver || this.#trouble !== "" || this.#setup.member.unconfirmed > 0) this.#screen.redraw();
  }

  #layout({ columns, rows }: Terminal): PromptLayout {
    const status = pc.dim(this.#status());
    const label = cut(`${printable(this.#setup.sessionId)}>`, Math.min(LABEL_WIDTH_MAX, Math.floor(columns / 3)));
    const { text, at } = this.#editor;
    const rowsMax = Math.max(1, Math.floor(rows / 2) - 1);
    const typed = layoutPrompt(`${pc.bold(label)} `, text, at, { columns, rowsMax });
    // The last column stays free: a terminal that grows narrower wraps less.
    const above = Bun.sliceAnsi(status, 0, columns - 1, "…");
    return { ...typed, rows: [above, ...typed.rows], cursorRow: typed.cursorRow + 1 };
  }

  /** Oneself, too, of whom nobody is told in a session that is closed. */
  #hereCount(): number {
    const { member, members } = this.#setup;
    return new Set([member.userId, ...members.all.map(({ userId }) => userId)]).size;
  }

  #status(): string {
    const { unconfirmed } = this.#setup.member;
    const typers = [...this.#typing.keys()].map(shownName);
    const parts = [
      this.#isLeaving ? pc.yellow("leaving; Ctrl-C does not wait") : "",
      this.#trouble === "" ? "" : pc.yellow(`not connected: ${printable(this.#trouble)}`),
      this.#trouble === "" || unconfirmed === 0 ? "" : `${unconfirmed} to be sent`,
      typers.length === 0 ? "" : `${listed(typers)} ${typers.length === 1 ? "is" : "are"} typing`,
    ];
    return parts.filter((part) => part !== "").join("  ") || (this.#hasJoined ? `${this.#hereCount()} here` : "");
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, TYPERS_SHOWN_MAX);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
