/**
 * Pictures of all views, for looking at: `bun test/console/screenshots.ts FOLDER [NAME…]`. Wide and on a phone, light and dark, with the
 * demo's fleet and one of everything, on an empty server, and after the server has gone.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startServerProcess, tempDir, watchpostCommand } from "../support/server-process.ts";
import { ownPort } from "../support/own-port.ts";
import { Page } from "./browser.ts";
import { furnish, pageAddresses, type PageAddress } from "./furnish.ts";

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;
const SCHEMES = ["light", "dark"] as const;
/** Until the demo's fleet has said something, and some of it has failed. */
const DEMO_MS = 25_000;
const SETTLE_MS = 900;

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) throw new Error("where to? bun test/console/screenshots.ts FOLDER [NAME…]");
mkdirSync(folder, { recursive: true });
using dir = tempDir("screenshots");
await using page = new Page();

const http = `127.0.0.1:${ownPort()}`;
const demo = Bun.spawn(
  [...watchpostCommand(true), "demo", "--data", join(dir.path, "demo"), "--grpc", "127.0.0.1:0", "--http", http],
  { stdout: "ignore", stderr: "ignore" },
);
const isUp = () =>
  fetch(`http://${http}/readyz`)
    .then(({ ok }) => ok)
    .catch(() => false);
while (!(await isUp())) await Bun.sleep(50);
const furnished = await furnish(`http://${http}`);
const wanted = pageAddresses(furnished).filter(({ name }) => names.length === 0 || names.includes(name));
await Bun.sleep(DEMO_MS);
for (const scheme of SCHEMES) {
  for (const size of ["desktop", "phone"] as const) await pictures("full", `http://${http}`, wanted, scheme, size);
}
await page.open(`http://${http}/devices`);
await page.shows("live");
demo.kill("SIGKILL");
await demo.exited;
await page.shows("next try");
for (const size of ["desktop", "phone"] as const) {
  await page.resize(SIZES[size], size === "phone");
  await picture(`broken-devices-${size}`);
}

const empty = await startServerProcess({ data: join(dir.path, "empty"), binary: true });
await pictures("empty", `http://${empty.http}`, wanted, "light", "desktop");
await pictures("empty", `http://${empty.http}`, wanted, "dark", "phone");
await empty.stop();

async function pictures(
  state: string,
  base: string,
  addresses: readonly PageAddress[],
  scheme: (typeof SCHEMES)[number],
  size: keyof typeof SIZES,
): Promise<void> {
  await page.resize(SIZES[size], size === "phone");
  await page.colours(scheme);
  for (const { name, path } of addresses) {
    await page.open(base + path);
    await page.shows("live");
    await Bun.sleep(SETTLE_MS);
    await picture(`${state}-${name}-${size}-${scheme}`);
  }
}

async function picture(name: string): Promise<void> {
  await Bun.write(join(folder, `${name}.png`), await page.screenshot());
  console.log(name);
}
