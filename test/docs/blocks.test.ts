/** Every fenced block of README.md and docs/ runs, loads or parses as it stands there, or is listed here with a reason. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import { NOTIFY_SECTIONS } from "../../src/alerts/notify-setup.ts";
import { parseRuleTests } from "../../src/alerts/rule-tests/test-file.ts";
import { parseRulesFile } from "../../src/alerts/rules-file.ts";
import { parseScenario } from "../../src/cli/simulate/scenario-input.ts";
import { loadConfig } from "../../src/config/load.ts";
import { mosquittoMissing } from "../support/mosquitto.ts";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { fencedBlocks, type FencedBlock } from "./fenced-blocks.ts";
import { PAGE_SETUPS } from "./page-setups.ts";
import { PROGRAMS, runPage } from "./run-page.ts";

/** Page, how the block begins, why it does not run. */
const NOT_RUN: readonly (readonly [page: string, begins: string, reason: string])[] = [
  ["README.md", "npx -y bun@1.4.5 run demo", "fetches Bun and packages; test/cli/demo.test.ts runs the demo"],
  ["README.md", "sh install.sh", "fetches a release; test/tools/install.test.ts installs one"],
  ["README.md", "bun install --frozen-lockfile", "builds, which the check does before its tests"],
  ["README.md", "npx -y bun@1.4.5 run test:all", "is the check itself, and benchmarks"],
  ["docs/alerts.md", "press-hot: 2 alerts, 14m30s", "shows what a command prints"],
  ["docs/alerts.md", "press-hot: 2 alerts, 1h", "shows what a command prints"],
  ["docs/annotations.md", " 78 ┤", "shows what a command prints"],
  ["docs/devices.md", "name type model", "names columns"],
  [
    "docs/edge.md",
    "watchpost upstream forget",
    "wants a gateway that has been there; test/cli/upstream-forget.test.ts has one",
  ],
  [
    "docs/edge.md",
    "watchpost upstream hand-over",
    "wants a gateway that has been there; test/ingestion/forwarding/origin-owner.test.ts has one",
  ],
  ["docs/edge.md", "to centre.example.org:50051", "shows what a command prints"],
  ["docs/issues.md", "try {", "is a part of a program, which has a client and an issue"],
  ["docs/nodes.md", "watchpost node forget", "wants a node that is gone; test/cli/node-commands.test.ts has one"],
  ["docs/nodes.md", "package main", "wants modules from a network"],
  ["docs/operating.md", "sh install.sh", "fetches a release; test/tools/install.test.ts installs one"],
  [
    "docs/operating.md",
    "watchpost backup before-upgrade.tar",
    "fetches a release, and restarts a service of the machine",
  ],
  [
    "docs/operating.md",
    "sudo install -m 755",
    "makes a service of the machine; test/cli/systemd does it in a place of its own",
  ],
  [
    "docs/operating.md",
    "bun run build --archive",
    "wants a Docker engine; test/tools/deploy-files.test.ts runs the image's steps",
  ],
  ["docs/other-senders.md", "[[outputs.influxdb_v2]]", "are settings of Telegraf, which Debian does not have"],
  ["docs/other-senders.md", "# OpenTelemetry Collector", "are settings of a program that Debian does not have"],
  [
    "docs/security.md",
    "watchpost stats --server https",
    "wants a server with TLS; test/cli/client-tls.test.ts has one",
  ],
  ["docs/security.md", "credentials = grpc", "wants a server with TLS; test/interop/python-tls.test.ts has one"],
  [
    "docs/sending.md",
    "import grpc, ingestion_pb2",
    "wants what grpcio-tools makes; test/interop/python.test.ts does without",
  ],
  ["docs/quick-start.md", "sh install.sh", "fetches a release; test/tools/install.test.ts installs one"],
  ["docs/sending.md", "go mod init", "fetches modules"],
  ["docs/sending.md", 'package main\n\nimport (\n\t"context"', "wants modules from a network"],
  ["docs/sessions.md", "02:20:28 ann joined", "shows what a command prints"],
  ["docs/simulate.md", "100 devices, 5s", "shows what a command prints"],
  ["docs/watching.md", "new EventSource", "is for a page in a browser"],
];

/** How what is Prometheus's begins. */
const PROMETHEUS = "remote_write:";

const blocks = fencedBlocks();
const listed = (block: FencedBlock) =>
  NOT_RUN.filter(([page, begins]) => page === block.page && block.text.startsWith(begins));
const isRun = (block: FencedBlock) => listed(block).length === 0;
const placeOf = ({ page, line }: FencedBlock) => `${page}:${line}`;

test("what is listed as not run is there, once", () => {
  for (const [page, begins, reason] of NOT_RUN) {
    const meant = blocks.filter((block) => block.page === page && block.text.startsWith(begins));
    expect({ page, begins, found: meant.length }).toEqual({ page, begins, found: 1 });
    expect(reason).not.toBe("");
  }
});

/** By language: what a block must stand. Commands and programs run below, those of a page at once. */
const CHECKS: Readonly<Record<string, (block: FencedBlock) => void>> = {
  ...Object.fromEntries(Object.keys(PROGRAMS).map((language) => [language, () => {}])),
  json: ({ text }) => void JSON.parse(text),
  toml: ({ page, text }) => {
    loadConfig({ env: {}, flags: {}, machineMemoryBytes: 2 ** 31, file: { name: page, text: wholeBrokers(text) } });
  },
  yaml: (block) => {
    const { page, text } = block;
    const sections = Object.fromEntries(NOTIFY_SECTIONS.map((key) => [key, z.unknown()]));
    if (text.startsWith("rule_files:")) parseRuleTests(page, text);
    else if (/^fleets:/m.test(text)) parseScenario(page, text, 0);
    else if (!text.startsWith(PROMETHEUS)) parseRulesFile(page, text, sections);
  },
  nginx: () => {},
  // The page's broker has them.
  conf: ({ page }) => expect(PAGE_SETUPS[page]?.broker).toBeDefined(),
};

test("settings load, rules parse, JSON is JSON; every other block is run, or listed", () => {
  const wrong: string[] = [];
  for (const block of blocks.filter(isRun)) {
    try {
      const check = CHECKS[block.language];
      if (check === undefined) throw new Error(`nobody runs a block of ${JSON.stringify(block.language)}`);
      check(block);
    } catch (error) {
      wrong.push(`${placeOf(block)}: ${(error as Error).message}`);
    }
  }
  expect(wrong).toEqual([]);
});

testNeeding([program("promtool"), program("nginx")])("Prometheus and nginx take what is theirs", () => {
  using dir = tempDir("settings");
  const file = join(dir.path, "settings");
  const [prometheus, nginx] = [
    blocks.filter(({ text }) => text.startsWith(PROMETHEUS)),
    blocks.filter(({ language }) => language === "nginx"),
  ];
  expect([prometheus.length > 0, nginx.length > 0]).toEqual([true, true]);
  const checked = (text: string, command: string[]) => {
    writeFileSync(file, text);
    const { exitCode, stdout, stderr } = Bun.spawnSync(command);
    expect({ exitCode, said: `${stdout}${stderr}` }).toMatchObject({ exitCode: 0 });
  };
  for (const { text } of prometheus) checked(text, ["promtool", "check", "config", "--syntax-only", file]);
  for (const { text } of nginx) {
    const own = `pid ${dir.path}/pid; error_log stderr; events {} http { access_log off;\n${text}\n}`;
    checked(own, ["nginx", "-t", "-p", dir.path, "-c", file]);
  }
});

const programs = Map.groupBy(
  blocks.filter((block) => block.language in PROGRAMS && isRun(block)),
  ({ page }) => page,
);
for (const [page, own] of programs) {
  const needs = [
    own.some(({ language }) => language === "go") && program("go"),
    ...(PAGE_SETUPS[page]?.needs ?? []).map(program),
    PAGE_SETUPS[page]?.broker !== undefined && (mosquittoMissing() || program("mosquitto_pub")),
  ];
  testNeeding(needs)(`what ${page} says works`, () => runPage(own, PAGE_SETUPS[page] ?? {}), 60_000);
}

/** Parts of a broker's settings with what else it needs. */
function wholeBrokers(text: string): string {
  const given = (parseToml(text) as { mqtt?: Record<string, Record<string, unknown>> }).mqtt ?? {};
  const missing = Object.entries(given).map(([name, { url, topics }]) => {
    const lines = [
      ...(url === undefined ? ['url = "mqtt://127.0.0.1"'] : []),
      ...(topics === undefined ? ['topics = [{ pattern = "spBv1.0/#", payload = "sparkplug" }]'] : []),
    ];
    return lines.length === 0 ? "" : `[mqtt.${name}]\n${lines.join("\n")}\n`;
  });
  return missing.join("") + text;
}
