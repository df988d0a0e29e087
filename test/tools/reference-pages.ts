/** The pages of docs/ that are made of the code: what `bun run gen` writes, and a test holds. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiPage } from "./api-page.ts";
import { configurationPage } from "./configuration-page.ts";
import { metricsPage } from "./metrics-page.ts";

const root = join(import.meta.dir, "../..");

/** Texts by their paths, as `bun fmt` leaves them. Throws where something has no text, or buf fails. */
export function referencePages(): ReadonlyMap<string, string> {
  const dir = mkdtempSync(join(tmpdir(), "watchpost-reference-"));
  try {
    const image = join(dir, "image.binpb");
    succeeded([join(root, "node_modules/.bin/buf"), "build", "proto", "--output", image]);
    return new Map([
      ["docs/configuration.md", formatted(configurationPage())],
      ["docs/api.md", formatted(apiPage(readFileSync(image)))],
      ["docs/metrics.md", formatted(metricsPage())],
    ]);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function formatted(text: string): string {
  return succeeded([process.execPath, "fmt", "--stdin-filepath=docs/page.md"], text);
}

function succeeded(command: string[], stdin = ""): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root, stdin: Buffer.from(stdin) });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with code ${exitCode}: ${stderr.toString()}`);
  return stdout.toString();
}
