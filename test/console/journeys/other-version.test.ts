/** A page of the compiled executable meets a server of another version: a copy of the sources in which the console differs. */
import { afterAll, expect } from "bun:test";
import { appendFileSync, cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const ROOT = join(import.meta.dir, "../../..");
const test = testNeeding([CHROMIUM]);
const dir = tempDir("console-version");
const http = `127.0.0.1:${ownPort()}`;
const here = { data: join(dir.path, "data"), args: ["--http", http] };
let server: ServerProcess | undefined;

afterAll(async () => {
  server?.kill();
  await server?.exited;
  dir[Symbol.dispose]();
});

/** The command that runs it. */
function otherVersion(): string[] {
  const copy = join(dir.path, "other");
  for (const name of ["src", "package.json", "tsconfig.json"])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  appendFileSync(
    join(copy, "src/console/main.tsx"),
    '\ndocument.documentElement.dataset["of"] = "the other version";\n',
  );
  return [process.execPath, join(copy, "src/main.ts")];
}

test("a page whose server was updated says so and works on; reloaded it is of the new version, at the same address", async () => {
  const program = otherVersion();
  server = await startServerProcess({ ...here, binary: true });
  await using page = new Page();
  await page.open(`http://${http}/alerts?text=pump`);
  await page.shows(/\blive\b/);
  const looksAround = async () => {
    for (const part of ["Devices", "Sessions", "Alerts"]) {
      await page.go(`/${part.toLowerCase()}?text=pump`);
      await page.until(() => page.ask(`document.querySelector("h1")?.textContent === "${part}"`), `shows ${part}`);
    }
  };
  // What was not loaded before cannot be had of the other version.
  await looksAround();
  await server.stop();
  server = await startServerProcess({ ...here, program });
  const outdated = "The server runs another version now";
  await page.shows(outdated);
  await page.until(async () => !(await page.text()).includes("not live"), "is live again");
  await looksAround();
  await page.ask(
    "[...document.querySelectorAll('.banner button')].find((each) => each.textContent === 'Reload').click()",
  );
  const isOther = "document.documentElement?.dataset.of === 'the other version'";
  await page.until(() => page.ask(isOther), "is of the other version");
  await page.shows(/\blive\b/);
  expect(await page.text()).not.toContain(outdated);
  expect(await page.ask("location.pathname + location.search")).toBe("/alerts?text=pump");
});
