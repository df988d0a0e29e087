/** build.ts over a compiler of ours that writes down what it was asked for: which files there are, and their checksums. */
import { expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempDir } from "../support/server-process.ts";

const root = join(import.meta.dir, "../..");
/** By platform; x64 ones for processors without AVX2 too. */
const TARGETS = {
  "watchpost-linux-arm64": "bun-linux-arm64",
  "watchpost-linux-arm64-musl": "bun-linux-arm64-musl",
  "watchpost-linux-x64": "bun-linux-x64-baseline",
  "watchpost-linux-x64-musl": "bun-linux-x64-musl-baseline",
  "watchpost-macos-arm64": "bun-darwin-arm64",
  "watchpost-macos-x64": "bun-darwin-x64",
  "watchpost-windows-x64.exe": "bun-windows-x64-baseline",
};
/** Stands before build.ts: each executable holds the arguments it was compiled with. */
const COMPILER = `
import { writeFileSync } from "node:fs";
const { spawnSync } = Bun;
Bun.spawnSync = (command, options) => {
  if (command[1] !== "build") return spawnSync(command, options);
  const outfile = command.find((flag) => flag.startsWith("--outfile=")).slice("--outfile=".length);
  const fails = process.env.FAILS !== undefined && outfile.includes(process.env.FAILS);
  if (!fails) writeFileSync(outfile, JSON.stringify(command.slice(2)));
  return { exitCode: fails ? 1 : 0, stdout: Buffer.alloc(0), stderr: Buffer.from("no such target") };
};
`;

interface Built {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a copy of build.ts in `dir`, which is no repository. */
function build(dir: string, args: readonly string[], env: Record<string, string> = {}): Built {
  for (const file of ["build.ts", "package.json", "src/app/console-content.ts", "src/model/tar.ts", "LICENSE"]) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    copyFileSync(join(root, file), join(dir, file));
  }
  mkdirSync(join(dir, "src/console"), { recursive: true });
  writeFileSync(join(dir, "src/console/index.html"), "<title>a console</title>");
  for (const file of ["README.md", "CHANGELOG.md", "deploy/watchpost.service", "docs/operating.md", "proto/a.proto"]) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), `this is ${file}`);
  }
  const compiler = join(dir, "compiler.js");
  writeFileSync(compiler, COMPILER);
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [process.execPath, "--preload", compiler, join(dir, "build.ts"), ...args],
    { cwd: dir, env: { PATH: process.env["PATH"] ?? "", GIT_CEILING_DIRECTORIES: dir, ...env } },
  );
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

function argumentsIn(file: string): string[] {
  return JSON.parse(readFileSync(file, "utf8")) as string[];
}

function sha256(file: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");
}

test("--all compiles each platform's executable once, and SHA256SUMS names them all", () => {
  using folder = tempDir("build");
  const dist = join(folder.path, "dist");
  mkdirSync(dist);
  writeFileSync(join(dist, "watchpost-linux-x64"), "of the build before");
  const { code, out } = build(folder.path, ["--all"], { SOURCE_COMMIT: "abc123" });
  expect([code, out]).toEqual([0, expect.stringContaining("wrote SHA256SUMS over 14 files")]);
  const archives = Object.keys(TARGETS).map((name) => `${name.replace(".exe", "")}.tar.gz`);
  const files = [...Object.keys(TARGETS), ...archives].sort();
  expect(readdirSync(dist).sort()).toEqual(["SHA256SUMS", ...files]);
  for (const [name, target] of Object.entries(TARGETS)) {
    const flags = argumentsIn(join(dist, name));
    expect([name, flags.filter((flag) => flag.startsWith("--target"))]).toEqual([name, [`--target=${target}`]]);
    expect(flags).toContain("--no-compile-autoload-dotenv");
    expect(flags).toContain("--no-compile-autoload-bunfig");
    expect(flags).toContain('--define=WATCHPOST_COMMIT="abc123"');
    expect(flags).toContainEqual(expect.stringMatching(/console\.archive$/));
  }
  const sums = readFileSync(join(dist, "SHA256SUMS"), "utf8");
  const lines = files.map((name) => `${sha256(join(dist, name))}  ${name}`);
  expect(sums.trimEnd().split("\n").sort()).toEqual(lines.sort());
  expect(sums).toEndWith("\n");
  if (Bun.which("sha256sum") === null) return;
  const checked = () => Bun.spawnSync(["sha256sum", "--strict", "-c", "SHA256SUMS"], { cwd: dist }).exitCode;
  expect(checked()).toBe(0);
  writeFileSync(join(dist, "watchpost-macos-x64"), "of somebody else");
  expect(checked()).not.toBe(0);
});

test("an archive has the executable, which may be run, and what belongs to it, in one folder", () => {
  using folder = tempDir("build");
  const outfile = join(folder.path, "dist/watchpost-windows-x64.exe");
  expect(build(folder.path, ["--archive", "--outfile", outfile]).code).toBe(0);
  const dist = join(folder.path, "dist");
  const archive = "watchpost-windows-x64.tar.gz";
  expect(readdirSync(dist).sort()).toEqual(["SHA256SUMS", "watchpost-windows-x64.exe", archive]);
  const listed = Bun.spawnSync(["tar", "-tvzf", join(dist, archive)])
    .stdout.toString()
    .trim()
    .split("\n");
  const entries = listed.map((line) => [line.slice(0, 10), line.split(" ").at(-1)]);
  expect(entries).toEqual([
    ["-rwxr-xr-x", "watchpost/watchpost.exe"],
    ["-rw-r--r--", "watchpost/LICENSE"],
    ["-rw-r--r--", "watchpost/README.md"],
    ["-rw-r--r--", "watchpost/CHANGELOG.md"],
    ["-rw-r--r--", "watchpost/deploy/watchpost.service"],
    ["-rw-r--r--", "watchpost/docs/operating.md"],
    ["-rw-r--r--", "watchpost/proto/a.proto"],
  ]);
  expect(Bun.spawnSync(["tar", "-xzf", join(dist, archive), "-C", folder.path]).exitCode).toBe(0);
  expect(readFileSync(join(folder.path, "watchpost/watchpost.exe"), "utf8")).toBe(readFileSync(outfile, "utf8"));
});

test("without it there is one executable, for this machine, where it was asked for", () => {
  using folder = tempDir("build");
  expect(build(folder.path, []).code).toBe(0);
  expect(readdirSync(join(folder.path, "dist"))).toEqual(["watchpost"]);
  expect(argumentsIn(join(folder.path, "dist/watchpost")).filter((flag) => flag.startsWith("--target"))).toEqual([]);
  const elsewhere = join(folder.path, "elsewhere");
  expect(build(folder.path, ["--outfile", elsewhere]).code).toBe(0);
  expect(argumentsIn(elsewhere)).toContain('--define=WATCHPOST_COMMIT="unknown"');
});

test("a target that cannot be compiled is named, and nothing is signed off", () => {
  using folder = tempDir("build");
  const dist = join(folder.path, "dist");
  mkdirSync(dist);
  writeFileSync(join(dist, "watchpost-macos-arm64"), "of the build before");
  const { code, err } = build(folder.path, ["--all"], { FAILS: "macos-arm64" });
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("watchpost-macos-arm64 for bun-darwin-arm64 failed:\nno such"),
  ]);
  // What would have been compiled after it is not there, nor what was there before.
  const names = Object.keys(TARGETS).filter((name) => name.startsWith("watchpost-linux"));
  expect(readdirSync(dist).sort()).toEqual(names);
});
