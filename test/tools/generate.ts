/** Lints proto/, generates src/wire/gen from it, and writes the pages of docs/ that are made of the code. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
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

// Descriptors are read when they are first looked into, not all of them at the start of each process.
const gen = join(out, "src/wire/gen");
for (const name of new Bun.Glob("**/*_pb.ts").scanSync(gen)) {
  const path = join(gen, name);
  const lazy = `${"../".repeat(name.split("/").length)}lazy-descriptors.ts`;
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/^(import \{.* from )"@bufbuild\/protobuf\/codegenv2"/m, `$1"${lazy}"`));
}

// What they are made of stands on the code that was generated just now.
const { referencePages } = await import("./reference-pages.ts");
mkdirSync(join(out, "docs"), { recursive: true });
for (const [path, text] of referencePages()) writeFileSync(join(out, path), text);
