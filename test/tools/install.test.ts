/** deploy/install.sh over a web server of the test's own: what it installs, and that it installs nothing else. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { program, testNeeding } from "../support/needs.ts";
import { BINARY, tempDir } from "../support/server-process.ts";

const root = join(import.meta.dir, "../..");
const SCRIPT = join(root, "deploy/install.sh");
const system = process.platform === "darwin" ? "macos" : "linux";
const NAME = `watchpost-${system}-${process.arch}`;
const ARCHIVE = `${NAME}.tar.gz`;
const dir = tempDir("install");
const served = join(dir.path, "served");
let web: Bun.Server<undefined>;

interface Installed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly prefix: string;
  /** What is in its bin. */
  readonly files: readonly string[];
}

beforeAll(() => {
  mkdirSync(served);
  web = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const file = join(served, new URL(request.url).pathname);
      return existsSync(file) ? new Response(Bun.file(file)) : new Response("none", { status: 404 });
    },
  });
});

afterAll(async () => {
  await web.stop(true);
  dir[Symbol.dispose]();
});

async function install(
  from: string,
  env: Record<string, string> = {},
  prefix = mkdtempSync(join(dir.path, "prefix-")),
  script = SCRIPT,
): Promise<Installed> {
  const child = Bun.spawn(["sh", script, from], {
    env: { PATH: process.env["PATH"] ?? "", TMPDIR: dir.path, PREFIX: prefix, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const bin = join(prefix, "bin");
  return { code, out, err, prefix, files: existsSync(bin) ? readdirSync(bin) : [] };
}

/** A release of a script, in a folder below `served`. */
function release(folder: string, text: string, sums = (line: string) => line): string {
  const made = join(dir.path, "made", folder);
  mkdirSync(join(made, "watchpost"), { recursive: true });
  mkdirSync(join(served, folder), { recursive: true });
  writeFileSync(join(made, "watchpost/watchpost"), text, { mode: 0o755 });
  const archive = join(served, folder, ARCHIVE);
  expect(Bun.spawnSync(["tar", "-czf", archive, "-C", made, "watchpost"]).exitCode).toBe(0);
  writeFileSync(join(served, folder, "SHA256SUMS"), sums(`${sha256(archive)}  ${ARCHIVE}\n`));
  return `${web.url.origin}/${folder}`;
}

function sha256(file: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");
}

const GOOD = "#!/bin/sh\necho watchpost 9.9.9\n";

/** Stands before build.ts: what `bun run build` compiled is not compiled again. */
const COMPILED = `
import { copyFileSync } from "node:fs";
const { spawnSync } = Bun;
Bun.spawnSync = (command, options) => {
  if (command[1] !== "build") return spawnSync(command, options);
  copyFileSync(${JSON.stringify(BINARY)}, command.find((flag) => flag.startsWith("--outfile=")).slice("--outfile=".length));
  return { exitCode: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
};
`;

test("a release as build.ts makes it is got, checked, tried and installed", async () => {
  mkdirSync(join(served, "real"));
  const compiled = join(dir.path, "compiled.js");
  writeFileSync(compiled, COMPILED);
  const build = [join(root, "build.ts"), "--archive", "--outfile", join(served, "real", NAME)];
  const command = [process.execPath, "--preload", compiled, ...build];
  const built = Bun.spawn(command, { stdout: "ignore", stderr: "pipe" });
  expect([await built.exited, await built.stderr.text()]).toEqual([0, ""]);
  const { code, out, err, prefix, files } = await install(`${web.url.origin}/real/`);
  expect([code, err, files]).toEqual([0, "", ["watchpost"]]);
  expect(out).toMatch(/installed watchpost \d+\.\d+\.\d+ \(\S+\) as \S+\/bin\/watchpost\n/);
  expect(out).toContain("service install");
  const installed = join(prefix, "bin/watchpost");
  expect(statSync(installed).mode & 0o777).toBe(0o755);
  expect(Bun.spawnSync([installed, "--version"]).stdout.toString()).toStartWith("watchpost ");
}, 120_000);

test("another version takes its place while it runs, from a folder, and by a checksum that came another way", async () => {
  const url = release("first", "#!/bin/sh\ntest $# = 1 && echo watchpost 1 || exec sleep 60\n");
  const { prefix } = await install(url);
  const running = Bun.spawn([join(prefix, "bin/watchpost"), "serve", "x"]);
  release("second", GOOD);
  const again = await install(join(served, "second"), {}, prefix);
  expect([again.code, again.err]).toEqual([0, ""]);
  expect(again.out).toContain("installed watchpost 9.9.9");
  expect(running.exitCode).toBe(null);
  running.kill();
  await running.exited;
  release("second", GOOD, () => "");
  expect((await install(`${web.url.origin}/second`)).err).toContain(`SHA256SUMS has no line for ${ARCHIVE}`);
  const pinned = { WATCHPOST_SHA256: sha256(join(served, "second", ARCHIVE)) };
  expect((await install(`${web.url.origin}/second`, pinned)).code).toBe(0);
});

test("nothing is installed of what does not match, is not whole, is not there, or does not run", async () => {
  const flipped = release("flipped", GOOD, (line) => line.replace(/^./, (digit) => (digit === "0" ? "1" : "0")));
  const cut = release("cut", GOOD);
  const archive = join(served, "cut", ARCHIVE);
  writeFileSync(archive, readFileSync(archive).subarray(0, 60));
  const other = release("other", GOOD, (line) => line.replace(ARCHIVE, `x${ARCHIVE}`));
  const broken = release("broken", "#!/bin/sh\necho no such library >&2; exit 127\n");
  const junk = release("junk", GOOD);
  writeFileSync(join(served, "junk", ARCHIVE), "no archive");
  writeFileSync(join(served, "junk/SHA256SUMS"), `${sha256(join(served, "junk", ARCHIVE))}  ${ARCHIVE}\n`);
  const wrong: [string, string][] = [
    [flipped, "wanted"],
    [cut, "nothing was installed"],
    [other, "has no line for"],
    [broken, "it does not run here: no such library"],
    [junk, "has no watchpost/watchpost"],
    [`${web.url.origin}/none`, "cannot be had"],
    ["http://192.0.2.1/x", "is not protected on its way"],
    [join(dir.path, "nowhere"), "is no URL and no folder"],
  ];
  for (const [from, why] of wrong) {
    const { code, err, files } = await install(from);
    expect([from, code, err, files]).toEqual([from, 1, expect.stringContaining(why), []]);
  }
  const url = release("good", GOOD);
  writeFileSync(join(dir.path, "file"), "");
  const unwritable = await install(url, {}, join(dir.path, "file"));
  expect([unwritable.code, unwritable.err]).toEqual([1, expect.stringContaining("run this as root, or set PREFIX")]);
  // Nothing is left in the folder for temporary files, either.
  expect(readdirSync(dir.path).filter((name) => name.startsWith("tmp."))).toEqual([]);
});

test("a script that was cut off on its way does nothing", async () => {
  const url = release("whole", GOOD);
  const text = readFileSync(SCRIPT, "utf8");
  const cut = join(dir.path, "cut.sh");
  for (let bytes = text.length - 'main "$@"\n'.length; bytes > 0; bytes = Math.floor(bytes * 0.9) - 1) {
    writeFileSync(cut, text.slice(0, bytes));
    expect([bytes, (await install(url, {}, undefined, cut)).files]).toEqual([bytes, []]);
  }
});

test("it does without curl, and without sha256sum, where others are there", async () => {
  const url = release("tools", GOOD);
  const bin = join(dir.path, "tools-bin");
  mkdirSync(bin);
  const tools = "sh wget openssl tar gzip awk cut uname find head mktemp rm mkdir cp chmod mv".split(" ");
  for (const name of tools) symlinkSync(Bun.which(name)!, join(bin, name));
  const { code, err, files } = await install(url, { PATH: bin });
  expect([code, err, files]).toEqual([0, "", ["watchpost"]]);
});

testNeeding([program("shellcheck")])("shellcheck finds nothing in it", () => {
  const { stdout } = Bun.spawnSync(["shellcheck", SCRIPT]);
  expect(stdout.toString()).toBe("");
});
