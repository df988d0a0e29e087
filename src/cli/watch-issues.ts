/** The live list of `watchpost issues`: a screen for people, lines for pipes, JSON for programs. */
import { create, toJson } from "@bufbuild/protobuf";
import pc from "picocolors";
import type { Connection } from "../client/connection.ts";
import { followIssues, type IssueNews } from "../client/follow-issues.ts";
import type { IssuesWanted } from "../client/issues.ts";
import { IssueUpdateSchema, type Issue, type IssueUpdate } from "../wire/gen/issues_pb.ts";
import { retryTeller } from "./client-flags.ts";
import { cut } from "./fit-text.ts";
import { issueTable, priorityCounts, updateLine } from "./issue-text.ts";
import { openScreen, type ScreenSize } from "./live-screen.ts";
import { printable } from "./watch-table.ts";

const BEGINS_ANEW = "the server cannot tell what happened meanwhile: what stands now follows";

/** Until `signal` aborts. */
export async function watchIssues(
  connection: Connection,
  filter: IssuesWanted,
  { server, json }: { readonly server: string; readonly json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const isScreen = !json && process.stdout.isTTY === true;
  const known = new Map<bigint, Issue>();
  let hasAnswered = false;
  let trouble = "there is no answer yet";
  const draw = (size: ScreenSize) => {
    const isLive = hasAnswered && connection.isConnected;
    const state = `not connected${hasAnswered ? ", what is shown may be old" : ""}: ${trouble}`;
    return issueScreen(hasAnswered ? newestFirst(known) : undefined, server, isLive ? "" : state, size);
  };
  const tellRetry = retryTeller(server);
  const screen = isScreen ? openScreen(draw) : undefined;
  try {
    const options = {
      signal,
      onRetry: (retry: Parameters<typeof tellRetry>[0]) => {
        trouble = retry.error.message;
        if (!isScreen) tellRetry(retry);
      },
    };
    for await (const news of followIssues(connection, { filter }, options)) {
      if (hasAnswered && news.kind === "snapshot" && !isScreen) console.error(pc.yellow(BEGINS_ANEW));
      hasAnswered = true;
      if (isScreen) note(known, news);
      else
        process.stdout.write(
          updatesOf(news)
            .map(json ? jsonLine : plainLine)
            .join(""),
        );
    }
  } finally {
    screen?.close();
  }
}

function note(known: Map<bigint, Issue>, news: IssueNews): void {
  if (news.kind === "snapshot") {
    known.clear();
    for (const issue of news.issues) known.set(issue.number, issue);
    return;
  }
  const { issue, removed } = news.update;
  if (issue === undefined) return;
  if (removed) known.delete(issue.number);
  else known.set(issue.number, issue);
}

/** A snapshot as it comes over the wire: its issues, then the mark that ends it. */
function updatesOf(news: IssueNews): IssueUpdate[] {
  if (news.kind === "change") return [news.update];
  const standing = news.issues.map((issue) => create(IssueUpdateSchema, { issue }));
  return [...standing, create(IssueUpdateSchema, { snapshotEnd: true, cursor: news.cursor })];
}

function jsonLine(update: IssueUpdate): string {
  return `${JSON.stringify(toJson(IssueUpdateSchema, update))}\n`;
}

function plainLine(update: IssueUpdate): string {
  return update.snapshotEnd ? "" : `${updateLine(update)}\n`;
}

function newestFirst(known: ReadonlyMap<bigint, Issue>): Issue[] {
  return [...known.values()].sort((a, b) => Number(b.number - a.number));
}

/** Lines that fit. `issues`: undefined while they are not known; `trouble`: "" where there is none. */
export function issueScreen(
  issues: readonly Issue[] | undefined,
  server: string,
  trouble: string,
  { columns, rows }: ScreenSize,
): string {
  const counts =
    issues === undefined
      ? ""
      : issues.length === 0
        ? "no issues"
        : `${issues.length} issues: ${priorityCounts(issues)}`;
  const parts = [`${pc.bold("Watchpost")} ${server}`, counts, new Date().toLocaleTimeString(), pc.dim("Ctrl-C ends")];
  const title = parts.filter((part) => part !== "").join("  ");
  const head = [
    Bun.sliceAnsi(title, 0, columns, "…"),
    ...(trouble === "" ? [] : [pc.red(cut(printable(trouble), columns))]),
  ];
  const shown = issues?.slice(0, Math.max(1, rows - head.length - 3)) ?? [];
  const hidden = (issues?.length ?? 0) - shown.length;
  const more = hidden > 0 ? [pc.dim(`… ${hidden.toLocaleString("en-US")} more`)] : [];
  return [...head, ...issueTable(shown, Date.now(), columns), ...more].join("\n");
}
