/** The live list of `watchpost alerts`: a screen for people, lines for pipes, JSON for programs. */
import { create } from "@bufbuild/protobuf";
import pc from "picocolors";
import type { Retry } from "../client/connection.ts";
import { followAlerts, type AlertNews } from "../client/follow-alerts.ts";
import { onlyAcknowledged } from "../client/only-acknowledged.ts";
import { WatchpostError } from "../model/errors.ts";
import { AlertSchema, type Alert } from "../wire/gen/alerts_pb.ts";
import { AlertBoard } from "./alert-board.ts";
import { subscriptionOf, type AlertFlags } from "./alert-flags.ts";
import { alertJson } from "./alert-json.ts";
import { alertLine } from "./alert-line.ts";
import { activeTable } from "./alert-table.ts";
import { severityCounts } from "./alert-text.ts";
import { connectTo, interruptSignal, retryTeller } from "./client-flags.ts";
import { cut } from "./fit-text.ts";
import { openScreen, type ScreenSize } from "./live-screen.ts";
import { printable } from "./watch-table.ts";

const BEGINS_ANEW = "the server cannot tell what happened meanwhile: what is active now follows";

interface Flags extends AlertFlags {
  server: string;
  json?: boolean;
}

/** Until Ctrl-C, or for as long as `--for` says. */
export async function watchAlerts(flags: Flags): Promise<void> {
  const interrupted = interruptSignal();
  const signal = flags.for === undefined ? interrupted : AbortSignal.any([interrupted, AbortSignal.timeout(flags.for)]);
  const connection = connectTo(flags.server);
  const board = new AlertBoard();
  const isScreen = !flags.json && process.stdout.isTTY === true;
  let hasAnswered = false;
  let trouble = { sentence: "there is no answer yet", untilMs: Infinity };
  const draw = (size: ScreenSize) => {
    const isLive = hasAnswered && connection.isConnected && Date.now() >= trouble.untilMs;
    const state = `not connected${hasAnswered ? ", what is shown may be old" : ""}: ${trouble.sentence}`;
    return drawn(hasAnswered ? board.active : undefined, flags.server, isLive ? "" : state, size);
  };
  const tellRetry = retryTeller(flags.server);
  const onRetry = (retry: Retry) => {
    trouble = { sentence: retry.error.message, untilMs: Date.now() + retry.delayMs };
    if (!isScreen) tellRetry(retry);
  };
  const screen = isScreen ? openScreen(draw) : undefined;
  try {
    const stream = followAlerts(connection, subscriptionOf(flags), { signal, onRetry });
    for await (const news of flags.acknowledged ? onlyAcknowledged(stream) : stream) {
      if (!hasAnswered) trouble = { sentence: "", untilMs: 0 };
      else if (news.kind === "snapshot" && !isScreen) console.error(pc.yellow(BEGINS_ANEW));
      hasAnswered = true;
      board.take(news);
      if (flags.json) process.stdout.write(jsonLines(news));
      else if (!isScreen) process.stdout.write(plainLines(news));
    }
  } finally {
    screen?.close();
    connection.close();
  }
  if (!hasAnswered && !interrupted.aborted) {
    throw new WatchpostError("UNAVAILABLE", `could not watch ${flags.server}: ${trouble.sentence}`);
  }
  if (flags.for !== undefined || isScreen) (flags.json ? process.stderr : process.stdout).write(board.summary());
}

/** `active`: undefined while that is not known. */
function drawn(
  active: readonly Alert[] | undefined,
  server: string,
  trouble: string,
  { columns, rows }: ScreenSize,
): string {
  const counts = active === undefined ? "" : active.length === 0 ? "nothing is active" : countsOf(active);
  const parts = [`${pc.bold("Watchpost")} ${server}`, counts, new Date().toLocaleTimeString(), pc.dim("Ctrl-C ends")];
  const title = parts.filter((part) => part !== "").join("  ");
  const head = [
    Bun.sliceAnsi(title, 0, columns, "…"),
    ...(trouble === "" ? [] : [pc.red(cut(printable(trouble), columns))]),
  ];
  const room = Math.max(1, rows - head.length - 3);
  const shown = active?.slice(0, room) ?? [];
  const hidden = (active?.length ?? 0) - shown.length;
  const more = hidden > 0 ? [pc.dim(`… ${hidden.toLocaleString("en-US")} more`)] : [];
  return [...head, ...activeTable(shown, Date.now(), columns), ...more].join("\n");
}

function countsOf(active: readonly Alert[]): string {
  return `${active.length.toLocaleString("en-US")} active: ${severityCounts(active)}`;
}

/** A snapshot as it comes over the wire: its alerts, then the mark that ends it. */
function jsonLines(news: AlertNews): string {
  if (news.kind === "change") return alertJson(news.alert);
  const end = create(AlertSchema, { snapshotEnd: true, cursor: news.cursor });
  return [...news.alerts, end].map(alertJson).join("");
}

function plainLines(news: AlertNews): string {
  return (news.kind === "change" ? [news.alert] : news.alerts).map((alert) => `${alertLine(alert)}\n`).join("");
}
