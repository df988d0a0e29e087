/** The executable where there is nothing but the C library: as nobody, in a file system that it cannot write but for its data; and the image that the Dockerfile makes of it. */
import { expect } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { stagesOf, type Instruction } from "../support/dockerfile.ts";
import { testNeeding, working } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { BINARY, tempDir } from "../support/server-process.ts";

const root = join(import.meta.dir, "../..");
const DATA = "/var/lib/watchpost";
const NOBODY = "65532:65532";
const PATIENCE_MS = 60_000;
const PROGRAM = "/usr/local/bin/watchpost";

/** Mounts what a container has, and runs a command in it: $1 is the root, $2 the data outside, $3 the user. */
const CONTAINED = `
set -e
root=$1 data=$2 user=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$data" "$root${DATA}"
mount -t proc -o hidepid=invisible,subset=pid none "$root/proc"
mount -o remount,ro,bind "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"
`;

const MAY_MOUNT = working("root, to mount and to change the root", [
  "unshare",
  "-m",
  "sh",
  "-c",
  "mount -t tmpfs none /mnt && mkdir /mnt/proc && mount -t proc -o subset=pid none /mnt/proc && chroot / true",
]);
const MAY_OVERLAY = working("root, to mount overlays", [
  "unshare",
  "-m",
  "sh",
  "-c",
  "mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/m && mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w none /mnt/m",
]);
const IS_DEBIAN = existsSync("/etc/debian_version") ? false : "Debian, as the image it is prepared in";

function contained(dir: string, user: string, command: readonly string[], env: Record<string, string> = {}) {
  const args = ["unshare", "-m", "sh", "-c", CONTAINED, "sh", join(dir, "root"), join(dir, "data"), user, ...command];
  return Bun.spawn(args, {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function ran(child: ReturnType<typeof contained>): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out, err };
}

/** A server in there, until its health says that it serves; and an end of it that must be a good one. */
async function served(
  dir: string,
  user: string,
  env: Record<string, string>,
  use: (http: string) => Promise<void>,
): Promise<void> {
  const [grpc, http] = [`127.0.0.1:${ownPort()}`, `127.0.0.1:${ownPort()}`];
  const settings = { ...env, WATCHPOST_GRPC: grpc, WATCHPOST_HTTP: http, WATCHPOST_SERVER: grpc };
  const server = contained(dir, user, [PROGRAM, "serve"], settings);
  const health = () => ran(contained(dir, user, [PROGRAM, "health"], settings));
  try {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while ((await health()).code !== 0) {
      if (performance.now() > deadlineMs || server.exitCode !== null) {
        server.kill("SIGKILL");
        throw new Error(`it does not serve: ${await server.stderr.text()}`);
      }
    }
    await use(http);
  } finally {
    server.kill("SIGTERM");
  }
  expect(await server.exited).toBe(0);
  expect((await health()).code).toBe(1);
}

async function sendAndRead(http: string): Promise<void> {
  const call = async (method: string, body: string) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`http://${http}/analytics.${method}`, { method: "POST", headers, body });
    return (await answer.json()) as { series?: { values: number[] }[]; pointsProcessed?: string };
  };
  const point = '{"source":"s","points":[{"metricName":"m","value":7}]}';
  expect(await call("DataIngestion/UploadBatch", point)).toMatchObject({ pointsProcessed: "1" });
  expect((await call("Dashboard/QueryRange", '{"metric":"m"}')).series?.[0].values).toEqual([7]);
  expect((await fetch(`http://${http}/metrics`)).status).toBe(200);
  const page = await fetch(`http://${http}/`, { headers: { accept: "text/html" } });
  expect(await page.text()).toStartWith("<!doctype html>");
}

function dataOf(dir: string): string {
  const data = join(dir, "data");
  mkdirSync(data);
  chmodSync(data, 0o700);
  Bun.spawnSync(["chown", NOBODY, data]);
  return data;
}

testNeeding([MAY_MOUNT])(
  "it runs with the C library alone, as nobody, where it may write nothing but its data",
  async () => {
    using dir = tempDir("empty-root");
    const empty = join(dir.path, "root");
    const libraries = Bun.spawnSync(["ldd", BINARY]).stdout.toString().match(/\/\S+/g)!;
    const others = libraries.map((path) => basename(path));
    expect(others.filter((name) => !/^(lib(c|m|dl|pthread)\.so|ld-linux)/.test(name))).toEqual([]);
    for (const path of libraries) {
      mkdirSync(dirname(join(empty, path)), { recursive: true });
      copyFileSync(path, join(empty, path));
      chmodSync(join(empty, path), 0o755);
    }
    for (const folder of [DATA, "/proc", "/usr/local/bin"]) mkdirSync(join(empty, folder), { recursive: true });
    copyFileSync(BINARY, join(empty, PROGRAM));
    const data = dataOf(dir.path);
    await served(dir.path, NOBODY, { WATCHPOST_DATA: DATA, WATCHPOST_LOG_FORMAT: "json" }, sendAndRead);
    expect(readdirSync(data)).toContain("state.db");
    const elsewhere = await ran(contained(dir.path, NOBODY, [PROGRAM, "serve", "--data", "/elsewhere"]));
    const refused = "the data directory /elsewhere cannot be used";
    expect([elsewhere.code, elsewhere.err]).toEqual([2, expect.stringContaining(refused)]);
    const doctor = await ran(contained(dir.path, NOBODY, [PROGRAM, "doctor", "--data", DATA]));
    expect(doctor.out).toContain("nothing is damaged: 1 series, 1 stored value");
  },
  120_000,
);

/** What a builder does with the first stage: its base is this machine, under a layer of its own. */
function prepare(dir: string, instructions: readonly Instruction[]): void {
  const steps = instructions.map(({ name, text, words }) => {
    if (name === "RUN") return `chroot "$merged" /bin/sh -ec ${quoted(text)}`;
    const [target, ...sources] = [words.at(-1)!, ...words.slice(0, -1)];
    const from = sources.map((source) => `"$context"/${source}`).join(" ");
    return `mkdir -p "$merged${target}" && cp -r ${from} "$merged${target}"`;
  });
  const script = `
set -e
dir=$1 context=$2 merged=$1/overlay/merged
mkdir -p $dir/overlay && mount -t tmpfs none $dir/overlay && cd $dir/overlay && mkdir upper work merged
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work none merged
mount -t proc none merged/proc && rm -f merged/dev/null && touch merged/dev/null && mount --bind /dev/null merged/dev/null
${steps.join("\n")}
cp -a "$merged/image/." "$dir/root/"
`;
  const command = ["unshare", "-m", "sh", "-c", script, "sh", dir, join(dir, "context")];
  const { exitCode, stderr } = Bun.spawnSync(command, { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

testNeeding([MAY_MOUNT, MAY_OVERLAY, IS_DEBIAN])(
  "the Dockerfile's steps make an image that serves, is healthy, and has nothing else in it",
  async () => {
    using dir = tempDir("dockerfile");
    const at = (...path: string[]) => join(dir.path, ...path);
    const folders = ["root", "context/dist", "context/deploy", "made/watchpost"];
    for (const folder of folders) mkdirSync(at(folder), { recursive: true });
    // What bun run build --archive leaves, made in less time.
    const archive = `watchpost-linux-${process.arch}.tar.gz`;
    copyFileSync(BINARY, at("made/watchpost/watchpost"));
    const packed = ["tar", "-cf", at("context/dist", archive), "-I", "gzip -1", "-C", at("made"), "watchpost"];
    expect(Bun.spawnSync(packed).exitCode).toBe(0);
    const hash = new Bun.CryptoHasher("sha256").update(readFileSync(at("context/dist", archive)));
    writeFileSync(at("context/dist/SHA256SUMS"), `${hash.digest("hex")}  ${archive}\n`);
    copyFileSync(join(root, "deploy/install.sh"), at("context/deploy/install.sh"));

    const [prepared, final, ...more] = stagesOf(readFileSync(join(root, "deploy/Dockerfile"), "utf8"));
    const bases = [prepared.base, prepared.name, final.base, more.length];
    expect(bases).toEqual(["debian:bookworm-slim", "prepared", "scratch", 0]);
    prepare(dir.path, prepared.instructions);
    const image = at("root");
    const loaders = process.arch === "x64" ? ["lib64"] : [];
    expect(readdirSync(image).sort()).toEqual(["etc", "lib", ...loaders, "tmp", "usr", "var"]);
    const usr = readdirSync(join(image, "usr"), { recursive: true });
    expect(usr).toEqual(["local", "local/bin", "local/bin/watchpost"]);

    const of = (name: string) => final.instructions.filter((each) => each.name === name);
    const copies = of("COPY").map(({ flags, text }) => [flags["from"], flags["chown"] ?? "", text]);
    expect(copies).toEqual([
      ["prepared", "", "/image/ /"],
      ["prepared", NOBODY, "/image/var/lib/ /var/lib/"],
    ]);
    expect([statSync(join(image, DATA)).uid, of("USER")[0].text, of("VOLUME")[0].text]).toEqual([65_532, NOBODY, DATA]);
    const pairs = of("ENV").flatMap(({ words }) => words.map((word) => word.split("=") as [string, string]));
    const env = Object.fromEntries(pairs);
    expect(env["WATCHPOST_DATA"]).toBe(DATA);
    expect(of("ENTRYPOINT")[0].words).toEqual([PROGRAM]);
    expect([of("CMD")[0].words, of("HEALTHCHECK")[0].words]).toEqual([["serve"], [PROGRAM, "health"]]);
    const ports = of("EXPOSE")[0].words.map((port) => `:${port}`);
    expect(ports).toEqual([env["WATCHPOST_GRPC"], env["WATCHPOST_HTTP"]]);

    dataOf(dir.path);
    mkdirSync(join(image, "proc"));
    const open = await ran(contained(dir.path, NOBODY, [PROGRAM, "serve"], env));
    expect([open.code, open.err]).toEqual([2, expect.stringContaining("can be reached from other machines")]);
    await served(dir.path, NOBODY, env, sendAndRead);
  },
  120_000,
);
