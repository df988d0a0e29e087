/** Holds the source to its layout: ranks, purity, size, no default exports, nothing that names the place it was made in. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const src = join(import.meta.dir, "../src");
const LINES_MAX = 400;

/** Lower never imports higher. */
const RANKS: readonly (readonly string[])[] = [
  ["model", "codec"],
  ["wire", "metrics", "simulate"],
  ["traces"],
  ["log", "store", "bus"],
  ["ingestion", "dashboard", "alerts", "collaboration", "devices", "edge", "overview", "access", "cluster"],
  ["transport", "config", "console"],
  ["process-metrics.ts"],
  ["app"],
  ["app.ts"],
  ["client"],
  ["cli"],
  ["main.ts", "thread.ts"],
];
const FEATURES = [
  "ingestion",
  "dashboard",
  "alerts",
  "collaboration",
  "devices",
  "edge",
  "overview",
  "access",
  "cluster",
];
/** Folders of the console, of which lower never imports higher; files beside them are of all. */
const CONSOLE_RANKS = ["data", "parts", "charts", "attention", "views", "shell"];
/** Types alone: the shapes of what is drawn, which `data/` makes and `charts/` draws. */
const CONSOLE_SHAPES = "console/charts/plot-model.ts";
/** What a part may stand on where its rank does not say enough. */
const ONLY: Record<string, readonly string[]> = {
  codec: ["codec"],
  model: ["model"],
  simulate: ["simulate", "model"],
  client: ["client", "wire", "model"],
  console: ["console", "wire", "model"],
};
/** What has the keys of encrypted sessions, and who may: never the server. */
const SESSION_KEYS = ["wire/sealed-message.ts", "wire/session-keys.ts"];
const KEY_HOLDERS = ["client", "cli", "console"];
/** The one place of each that touches the machine. */
const IMPURE_EXCEPTIONS = new Set(["model/system-clock.ts", "model/spawn.ts", "edge/mqtt/broker-connection.ts"]);
const PURE = [
  "model/",
  "codec/",
  "simulate/",
  "wire/decode-batch.ts",
  "wire/series-cache.ts",
  "ingestion/validate.ts",
  "access/certificates.ts",
  "access/jwt/claims.ts",
  "access/token-documents.ts",
  "alerts/conditions/",
  "alerts/evaluation/rule-holder.ts",
  "alerts/escalated-alerts.ts",
  "alerts/escalation/",
  "alerts/notified-alerts.ts",
  "alerts/notify-facts.ts",
  "alerts/notify/",
  "alerts/rule-times.ts",
  "alerts/simulated-telling.ts",
  "collaboration/annotations/annotation-change.ts",
  "collaboration/annotations/annotation-documents.ts",
  "collaboration/annotations/annotation-filter.ts",
  "collaboration/annotations/annotation-input.ts",
  "collaboration/annotations/chat-annotation.ts",
  "dashboard/saved/dashboard-documents.ts",
  "dashboard/saved/dashboard-input.ts",
  "dashboard/saved/panel-input.ts",
  "edge/remote-write/late-samples.ts",
  "edge/remote-write/prometheus-labels.ts",
  "edge/remote-write/write-request.ts",
  "edge/upstream/bandwidth.ts",
  "edge/upstream/chunk-spans.ts",
  "edge/upstream/down-sampler.ts",
  "edge/upstream/event-calls.ts",
  "edge/upstream/live-rows.ts",
  "edge/upstream/queue-limits.ts",
  "edge/upstream/rate.ts",
  "collaboration/issues/change-issue.ts",
  "collaboration/issues/edited-revision.ts",
  "collaboration/issues/issue-",
  "devices/change-device.ts",
  "devices/csv-devices.ts",
  "devices/device-book.ts",
  "devices/device-documents.ts",
  "devices/device-filter.ts",
  "devices/device-input.ts",
  "devices/device-schemas.ts",
  "devices/imported-devices.ts",
  "devices/status/",
  "edge/mqtt/",
  "edge/sparkplug/",
  "cluster/history/merge-rows.ts",
  "cluster/history/merge-runs.ts",
  "cluster/history/own-series.ts",
  "cluster/history/series-part.ts",
  "cluster/history/split-series.ts",
  "cluster/peers/caller-record.ts",
  "cluster/peers/device-announcement.ts",
  "cluster/redis/redis-url.ts",
  "cluster/shared/journal-keys.ts",
  "cluster/shared/node-local.ts",
  "cluster/shared/pending-commits.ts",
  "cluster/shared/shared-transaction.ts",
  "overview/bucket-quantile.ts",
  "overview/recent-counts.ts",
  "overview/server-problems.ts",
  "traces/otlp-spans.ts",
  "traces/trace-parent.ts",
  "traces/tracer.ts",
];
/** Of modules of the system only compression, which does nothing but compute. */
const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|crypto\.getRandomValues)\b|from "(bun|node):(?!zlib")/;

const BROWSER_CLOCK = [
  "now.ts",
  "server-link.ts",
  "plain-calls.ts",
  "tunnel.ts",
  "stream-follower.ts",
  "stream-slots.ts",
  "connection.ts",
  "attention/",
].map((place) => `console/${place}`);

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file) && !file.startsWith("wire/gen/"))
  .sort()
  .map((file) => ({ file, text: readFileSync(join(src, file), "utf8") }));

function partOf(file: string): string {
  return file.split("/")[0];
}

function rankOf(part: string): number {
  return RANKS.findIndex((parts) => parts.includes(part));
}

function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, path]) =>
    relative(src, join(src, dirname(file), path)),
  );
}

test("every part has a rank", () => {
  expect(files.map(({ file }) => file).filter((file) => rankOf(partOf(file)) < 0)).toEqual([]);
});

test("lower never imports higher, features never import each other, and nobody reaches past what it may stand on", () => {
  const wrong: string[] = [];
  for (const { file, text } of files) {
    const part = partOf(file);
    for (const imported of importsOf(file, text)) {
      const other = partOf(imported);
      const isOther = other !== part;
      const isHigher = rankOf(other) > rankOf(part);
      const isSibling = isOther && FEATURES.includes(part) && FEATURES.includes(other);
      const isForbidden = ONLY[part] !== undefined && !ONLY[part].includes(other);
      if (isHigher || isSibling || isForbidden) wrong.push(`${file} imports ${imported}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("the server has nothing that opens what is sealed, and nobody encrypts messages by themselves", () => {
  const wrong = files.flatMap(({ file, text }) => {
    if (SESSION_KEYS.includes(file)) return [];
    const imported = importsOf(file, text).filter((other) => SESSION_KEYS.includes(other));
    const isHolder = KEY_HOLDERS.includes(partOf(file));
    return [...(isHolder ? [] : imported), ...(/\bAES-GCM\b/.test(text) ? ["AES-GCM"] : [])].map(
      (what) => `${file} has ${what}`,
    );
  });
  expect(wrong).toEqual([]);
  const holders = files.filter(({ file, text }) => importsOf(file, text).some((other) => SESSION_KEYS.includes(other)));
  expect(holders.length).toBeGreaterThan(SESSION_KEYS.length);
});

test("folders of the console stand on lower ones, and its views on no other view", () => {
  const wrong: string[] = [];
  for (const { file, text } of files.filter((each) => partOf(each.file) === "console")) {
    const [, folder, view] = file.split("/");
    for (const imported of importsOf(file, text)) {
      const [part, other, otherView] = imported.split("/");
      const [rank, otherRank] = [CONSOLE_RANKS.indexOf(folder), CONSOLE_RANKS.indexOf(other)];
      if (part !== "console" || rank < 0 || imported === CONSOLE_SHAPES) continue;
      const isOtherView = folder === "views" && other === "views" && view !== otherView;
      if (otherRank > rank || isOtherView) wrong.push(`${file} imports ${imported}`);
    }
  }
  expect(wrong).toEqual([]);
  const shapes = files.find(({ file }) => file === CONSOLE_SHAPES)!.text;
  expect(shapes).not.toMatch(/^(import (?!type)|export (?!type|interface))/m);
});

test("pure files use no clock, timers, randomness or machine", () => {
  const wrong = files
    .filter(({ file }) => PURE.some((place) => file.startsWith(place)) && !IMPURE_EXCEPTIONS.has(file))
    .filter(({ text }) => IMPURE.test(text.replaceAll(/^import type .*$/gm, "")))
    .map(({ file }) => file);
  expect(wrong).toEqual([]);
});

test("the console goes by the server's clock, but for its connection and what sounds", () => {
  const wrong = files
    .filter(({ file }) => file.startsWith("console/") && !BROWSER_CLOCK.some((place) => file.startsWith(place)))
    .filter(({ text }) => /\bDate\.now\b|\bnew Date\(\)/.test(text))
    .map(({ file }) => `${file} reads the browser's clock; wanted serverNowMs or nowMs of now.ts`);
  expect(wrong).toEqual([]);
});

test("files stay small, names are kebab-case, exports are named", () => {
  const wrong: string[] = [];
  for (const { file, text } of files) {
    const lines = text.split("\n").length - 1;
    if (lines > LINES_MAX) wrong.push(`${file} has ${lines} lines; wanted at most ${LINES_MAX}`);
    if (!/^[a-z0-9./-]+$/.test(file)) wrong.push(`${file} is not kebab-case`);
    if (/^export default/m.test(text)) wrong.push(`${file} has a default export`);
    if (/\b(TODO|FIXME|XXX)\b|@ts-ignore|\bas any\b/.test(text)) wrong.push(`${file} has a note of unfinished work`);
  }
  expect(wrong).toEqual([]);
});

test("the lock file names no registry host", () => {
  expect(readFileSync(join(src, "../bun.lock"), "utf8")).not.toMatch(/https?:\/\//);
});
