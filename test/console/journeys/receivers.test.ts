/** Tests of receivers from the page to a real mail server and a real broker, against the compiled executable. */
import { afterAll, beforeAll, expect } from "bun:test";
import { connectAsync } from "mqtt";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Mosquitto, mosquittoMissing } from "../../support/mosquitto.ts";
import { testNeeding, working } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const PYTHON = "/usr/bin/python3";
const AIOSMTPD = working("Debian's python3-aiosmtpd", [PYTHON, "-c", "import aiosmtpd"]);
const missing = [CHROMIUM, AIOSMTPD, mosquittoMissing()];
const isAllThere = missing.every((each) => each === false);
const test = testNeeding(missing);
const dir = tempDir("console-receivers");
const awayPort = ownPort();
let mailServer: MailServer;
let broker: Mosquitto;
let server: ServerProcess;
let page: Page;

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** A receiver whom everything reaches of each kind, and those who are refused, in part or as a whole. JSON is YAML. */
function rulesText(smtpPort: number, mqttUrl: string): string {
  const email = { host: "127.0.0.1", port: smtpPort, security: "none", from: "watchpost@plant.example" };
  const receivers = [
    { name: "ada", email: { ...email, to: "ada@plant.example" } },
    { name: "stranger", email: { ...email, to: ["ada@plant.example", "nobody@plant.example"] } },
    { name: "hall", mqtt: { url: mqttUrl, topic: "plant/{receiver}/{severity}" } },
    { name: "vault", mqtt: { url: mqttUrl, topic: "vault/{severity}" } },
    { name: "away", mqtt: { url: `mqtt://127.0.0.1:${awayPort}` } },
  ];
  return JSON.stringify({ route: { receiver: "ada" }, receivers, rules: [] });
}

beforeAll(async () => {
  if (!isAllThere) return;
  const path = join(dir.path, "rules.yaml");
  mailServer = await MailServer.start();
  broker = await Mosquitto.start({
    settings(directory) {
      writeFileSync(`${directory}/acl`, "topic read #\ntopic write plant/#\n");
      return ["allow_anonymous true", `acl_file ${directory}/acl`];
    },
  });
  writeFileSync(path, rulesText(mailServer.port, broker.url));
  const env = { WATCHPOST_ALERTS_RULES_FILE: path };
  server = await startServerProcess({ data: join(dir.path, "data"), env, binary: true });
  page = new Page();
  await page.open(`http://${server.http}/alerts/receivers`);
  await page.shows("stranger");
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  server?.kill();
  await server?.exited;
  await broker?.[Symbol.asyncDispose]();
  await mailServer?.stop();
  dir[Symbol.dispose]();
});

/** Presses its button, and resolves with what its card says then. */
async function tested(receiver: string): Promise<string> {
  await page.ask(`document.querySelector("[aria-label='Test ${receiver}']").click()`);
  const card = `document.querySelector("[aria-label='Test ${receiver}']").closest("li")`;
  const said = () => page.ask<string>(`${card}.querySelector(".receivers-channels p")?.innerText ?? ""`);
  await page.until(
    async () => (await said()).startsWith("✓") || (await said()).includes("not taken"),
    "says the outcome",
  );
  return said();
}

test("a test by mail is taken and has come; of a recipient whom the server does not know it says so, and what is wanted", async () => {
  expect(await tested("ada")).toStartWith("✓ The test was taken");
  const { from, to, text } = await mailServer.next();
  expect([from, to]).toEqual(["watchpost@plant.example", ["ada@plant.example"]]);
  expect(text).toMatch(/^Subject: .*This is a test of Watchpost/m);
  const refusal = await tested("stranger");
  expect(refusal).toContain("nobody@plant.example: 550 5.1.1 nobody@plant.example: no such user here");
  expect(refusal).toContain("wanted addresses in `to` that the server takes mail for");
  expect((await mailServer.next()).to).toEqual(["ada@plant.example"]);
});

test("a test by MQTT is taken and has come; a topic that is forbidden and a broker that is away say what to look at", async () => {
  const watcher = await connectAsync(broker.url);
  const came = new Promise<[string, string]>((resolve) => {
    watcher.on("message", (topic, payload) => resolve([topic, payload.toString()]));
  });
  await watcher.subscribeAsync("plant/#");
  expect(await tested("hall")).toStartWith("✓ The test was taken");
  const [topic, payload] = await came;
  await watcher.endAsync();
  expect([topic, JSON.parse(payload).alerts[0].labels.alertname]).toEqual(["plant/hall/low", "watchpost-test"]);
  expect(await tested("vault")).toContain('Not authorized (0x87): wanted leave to publish to "vault/low"');
  const away = `mqtt://127.0.0.1:${awayPort} refused the connection: does it run, and at this port?`;
  expect(await tested("away")).toContain(away);
});

class MailServer {
  readonly port: number;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: Bun.Subprocess<"pipe", "pipe", "inherit">, lines: AsyncIterator<string>, port: number) {
    [this.#child, this.#lines, this.port] = [child, lines, port];
  }

  static async start(): Promise<MailServer> {
    const command = [PYTHON, join(import.meta.dir, "mail_server.py")];
    const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    const lines = linesOf(child.stdout);
    return new MailServer(child, lines, Number((await lines.next()).value));
  }

  /** The next mail that it takes, or has taken. */
  async next(): Promise<Mail> {
    return JSON.parse((await this.#lines.next()).value);
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
