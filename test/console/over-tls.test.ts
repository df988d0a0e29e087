/** The console over HTTPS in a real browser, while the certificate is replaced. */
import { afterEach, expect } from "bun:test";
import { encodeBatch } from "../../src/client/batch.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { ReloadingServer } from "../transport/reloading.ts";
import { CHROMIUM, Page } from "./browser.ts";

const opened: Disposable[] = [];
let server: ReloadingServer | undefined;

afterEach(async () => {
  server?.process.kill();
  await server?.process.exited;
  for (const each of opened.splice(0)) each[Symbol.dispose]();
});

async function send(running: ReloadingServer, value: number): Promise<void> {
  const connection = running.connect();
  await uploadAll(connection, [encodeBatch([{ metric: "pressure", value, timeUs: Date.now() * 1_000 }], "hall-3")]);
  connection.close();
}

/** How the page's scripts came. */
const PROTOCOLS = `[...new Set(performance.getEntriesByType("resource")
  .filter(({ name }) => name.endsWith(".js")).map(({ nextHopProtocol }) => nextHopProtocol))]`;

testNeeding([CHROMIUM, program("openssl")])(
  "its files come over HTTP/2, values over the tunnel, which outlives the certificate it was opened with",
  async () => {
    const dir = tempDir("console-tls");
    opened.push(dir);
    const running = (server = await ReloadingServer.start(dir.path, { binary: true }));
    await send(running, 4.25);
    await using page = new Page();
    await page.tell("Security.enable");
    await page.tell("Security.setIgnoreCertificateErrors", { ignore: true });
    const [, port] = /:(\d+)$/.exec(running.process.http)!;
    await page.open(`https://localhost:${port}/explore?metric=pressure`);
    await page.shows("4.25");
    expect(await page.ask<string[]>(PROTOCOLS)).toEqual(["h2"]);
    expect(await page.ask<boolean>("isSecureContext")).toBe(true);
    await running.replace("server-1");
    await send(running, 7.75);
    await page.shows("7.75");
    expect(await page.text()).not.toContain("not live");
    await page.open(`https://localhost:${port}/devices`);
    await page.shows("hall-3");
  },
  120_000,
);
