/**
 * Compiles Watchpost into one executable: `bun build.ts` makes dist/watchpost for this machine; `--archive` an executable with
 * the platform in its name, a tar.gz of it with what belongs to it, and SHA256SUMS; `--all` the same for every supported
 * platform. deploy/install.sh installs such archives.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { bundleConsole, CONSOLE_ARCHIVE, consoleArchive } from "./src/app/console-content.ts";
import { TAR_END_BYTES, tarHeader, tarPaddingBytes } from "./src/model/tar.ts";
import pkg from "./package.json" with { type: "json" };

const root = import.meta.dir;
const dist = join(root, "dist");
/** File name to the target's name in `bun build`. */
const TARGETS: Record<string, string> = {
  "watchpost-linux-x64": "bun-linux-x64-baseline",
  "watchpost-linux-arm64": "bun-linux-arm64",
  "watchpost-linux-x64-musl": "bun-linux-x64-musl-baseline",
  "watchpost-linux-arm64-musl": "bun-linux-arm64-musl",
  "watchpost-macos-arm64": "bun-darwin-arm64",
  "watchpost-macos-x64": "bun-darwin-x64",
  "watchpost-windows-x64.exe": "bun-windows-x64-baseline",
};

/** In every archive beside the executable. */
const BESIDE = ["LICENSE", "README.md", "CHANGELOG.md", "deploy", "docs", "proto"];
const EXECUTABLE_MODE = 0o755;
const FILE_MODE = 0o644;

const commit = commitOfTree();
const all = process.argv.includes("--all");
mkdirSync(dist, { recursive: true });
const made = mkdtempSync(join(dist, ".console-"));
process.on("exit", () => rmSync(made, { recursive: true, force: true }));
const archive = join(made, CONSOLE_ARCHIVE);
writeFileSync(archive, consoleArchive(await bundleConsole(join(root, "src/console/index.html"))));
const flag = process.argv.indexOf("--outfile");
if (all) {
  // All are compiled before any is packed: what cannot be compiled leaves nothing behind it that looks like a release.
  const files = Object.entries(TARGETS).map(([name, target]) => compile(join(dist, name), target));
  sum(dist, [...files, ...files.map(pack)]);
} else if (process.argv.includes("--archive")) {
  const executable = compile(flag > 0 ? process.argv[flag + 1] : join(dist, nameHere()));
  sum(dirname(executable), [executable, pack(executable)]);
} else compile(flag > 0 ? process.argv[flag + 1] : join(dist, "watchpost"));

function compile(outfile: string, target?: string): string {
  const startedAtMs = performance.now();
  rmSync(outfile, { force: true });
  const folder = dirname(outfile);
  const before = new Set(readdirSync(folder));
  const { exitCode, stderr } = Bun.spawnSync(
    [
      process.execPath,
      "build",
      join(root, "src/main.ts"),
      join(root, "src/thread.ts"),
      archive,
      "--compile",
      ...(target === undefined ? [] : [`--target=${target}`]),
      "--minify",
      "--bytecode",
      "--format=esm",
      "--splitting",
      "--loader=.archive:file",
      // Only for channelz, which is not served.
      "--external=@grpc/proto-loader",
      // Else it were the folder of all entries, and workers not where main.ts looks for them.
      `--root=${join(root, "src")}`,
      "--sourcemap=linked",
      // A binary that runs the .env and bunfig.toml of whatever folder it is started in could be made to do anything.
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      `--define=WATCHPOST_VERSION=${JSON.stringify(pkg.version)}`,
      `--define=WATCHPOST_COMMIT=${JSON.stringify(commit)}`,
      `--outfile=${outfile}`,
    ],
    { cwd: root, stdout: "pipe", stderr: "pipe" },
  );
  if (exitCode !== 0) {
    console.error(`compiling ${basename(outfile)}${target ? ` for ${target}` : ""} failed:\n${stderr.toString()}`);
    process.exit(1);
  }
  // Source maps are in the executable, too.
  for (const name of readdirSync(folder)) {
    if (name.endsWith(".map") && !before.has(name)) rmSync(join(folder, name));
  }
  const mebibytes = (Bun.file(outfile).size / 1024 / 1024).toFixed(1);
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  console.log(`${basename(outfile)}  ${mebibytes} MiB  ${pkg.version} (${commit})  in ${seconds} s`);
  return outfile;
}

/** A tar.gz of an executable and what belongs to it, in one folder; the same bytes each time that it is made of the same. */
function pack(executable: string): string {
  const program = executable.endsWith(".exe") ? "watchpost.exe" : "watchpost";
  const beside = BESIDE.flatMap(filesIn).map((name) => ({ name, path: join(root, name), mode: FILE_MODE }));
  const entries = [{ name: program, path: executable, mode: EXECUTABLE_MODE }, ...beside];
  const pieces = entries.flatMap(({ name, path, mode }) => {
    const content = readFileSync(path);
    const bytes = content.length;
    const header = tarHeader({ name: `watchpost/${name}`, bytes, mode }, timeOfCommitMs());
    return [header, content, new Uint8Array(tarPaddingBytes(bytes))];
  });
  const archivePath = `${executable.replace(/\.exe$/, "")}.tar.gz`;
  writeFileSync(archivePath, Bun.gzipSync(Buffer.concat([...pieces, new Uint8Array(TAR_END_BYTES)])));
  return archivePath;
}

/** A file, or all that are in a folder; by name. */
function filesIn(name: string): string[] {
  if (statSync(join(root, name)).isFile()) return [name];
  return readdirSync(join(root, name))
    .sort()
    .flatMap((inner) => filesIn(`${name}/${inner}`));
}

function sum(folder: string, files: readonly string[]): void {
  writeFileSync(join(folder, "SHA256SUMS"), files.map(checksumLine).join(""));
  console.log(`wrote SHA256SUMS over ${files.length} files in ${folder}`);
}

/** As in {@link TARGETS}. */
function nameHere(): string {
  const { platform, arch } = process;
  const system = { darwin: "macos", win32: "windows" }[platform as string] ?? platform;
  return `watchpost-${system}-${arch}${platform === "win32" ? ".exe" : ""}`;
}

/** As sha256sum prints it, and checks it with -c. */
function checksumLine(file: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(readFileSync(file));
  return `${hash.digest("hex")}  ${basename(file)}\n`;
}

function timeOfCommitMs(): number {
  const { exitCode, stdout } = Bun.spawnSync(["git", "log", "-1", "--format=%ct"], { cwd: root, stderr: "ignore" });
  return exitCode === 0 ? Number(stdout.toString().trim()) * 1_000 : 0;
}

/** The commit's short name, with a + where the tree differs from it; outside of a repository what SOURCE_COMMIT says. */
function commitOfTree(): string {
  const git = (...args: string[]) => {
    const { exitCode, stdout } = Bun.spawnSync(["git", ...args], { cwd: root, stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim() : undefined;
  };
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head === undefined) return process.env["SOURCE_COMMIT"] ?? "unknown";
  return git("status", "--porcelain") === "" ? head : `${head}+`;
}
