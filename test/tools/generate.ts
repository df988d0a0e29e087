/** Lints proto/ and generates src/wire/gen from it. */
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const bin = join(root, "node_modules/.bin");
const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };
const out = process.argv[2] ?? root;

for (const args of [
  ["lint", "proto"],
  ["generate", "proto", "--template", "proto/buf.gen.yaml", "--output", out],
]) {
  const { exitCode } = Bun.spawnSync([join(bin, "buf"), ...args], {
    cwd: root,
    env,
    stdout: "inherit",
    stderr: "inherit",
  });
  if (exitCode !== 0) process.exit(exitCode);
}
