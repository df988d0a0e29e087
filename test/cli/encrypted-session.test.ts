/** Encrypted sessions on the command line; of what is said in them nothing stands in what the server keeps. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-encrypted");
}, 120_000);

afterAll(() => rig.close());

const session = (...args: string[]) => rig.ok(["session", ...args]);
const refused = async (...args: string[]) => {
  const { code, err } = await rig.run(["session", ...args]);
  expect(code).not.toBe(0);
  return err;
};
const wordsOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/).slice(2).join(" "));

/** What is followed runs elsewhere. */
const keyFile = (name: string) => join(rig.dir, name);

/** A session whose link stands in the file of its name. */
async function make(id: string): Promise<string> {
  const link = await session("create", id, "--encrypted");
  expect(link).toMatch(new RegExp(`^/sessions/${id}#key=1\\.[\\w-]{43}\\n$`));
  writeFileSync(keyFile(`${id}.key`), link);
  return link.trim().split("#key=")[1];
}

test("with the key it is sent, heard, shown, replayed and reported; without it each place says that it is encrypted", async () => {
  await make("pump");
  const key = ["--key-file", keyFile("pump.key")];
  const bob = rig.follow(["session", "join", "pump", "--user", "bob", "--watch", ...key]);
  const eve = rig.follow(["session", "join", "pump", "--user", "eve", "--watch"]);
  await eve.until((lines) => lines.some((line) => line.includes("eve joined")));
  expect(await session("send", "pump", ...key, "zwiebelkuchen")).toMatch(/^\d+\n$/);
  const stdin = "federweisser\n/issue pump is loud\n";
  const own = await rig.ok(["session", "join", "pump", ...key], { stdin });
  expect(wordsOf(own)).toContain("ann federweisser");
  await bob.until((lines) => lines.some((line) => line.includes("opened issue")));
  await eve.until((lines) => lines.some((line) => line.includes("opened issue")));
  expect(wordsOf(bob.lines.join("\n"))).toContain("ann zwiebelkuchen");
  expect(wordsOf(eve.lines.join("\n"))).toContain("ann (cannot be read: there is no key)");
  await Promise.all([bob.interrupt(), eve.interrupt()]);

  for (const command of [
    ["show", "pump"],
    ["replay", "pump", "--speed", "max"],
  ]) {
    const shown = await session(...command, ...key);
    expect(shown).toMatch(/ann {2}zwiebelkuchen[^]*ann {2}federweisser/);
    expect(await session(...command)).toMatch(/ann {2}\(cannot be read: there is no key\)/);
  }
  expect(await session("list")).toContain("open, encrypted");
  expect(await session("export", "pump", "--markdown", "-o", "-", ...key)).toMatch(/\*\*ann\*\*: zwiebelkuchen\n/);
  expect(await session("export", "pump", "--markdown", "-o", "-")).toMatch(/\*\*ann\*\*: \(encrypted message \d+\)\n/);
  const json = await session("show", "pump", "--json", ...key);
  expect(json).toMatch(/"encryption":\{"epoch":1[^]*"message":"zwiebelkuchen"/);

  // A file is as the server has it; under another name it is read with the same key.
  await session("export", "pump", "-o", "pump.wps");
  await session("import", "pump.wps", "--as", "north");
  expect(await session("replay", "north", "--speed", "max", ...key)).toContain("ann  zwiebelkuchen");
});

test("the key comes from a file or from WATCHPOST_SESSION_KEY, and is not shown where it is wrong", async () => {
  const key = await make("keyed");
  await make("other");
  const env = { WATCHPOST_SESSION_KEY: key };
  await rig.ok(["session", "send", "keyed", "from a variable"], { env });
  expect(await rig.ok(["session", "show", "keyed"], { env })).toContain("from a variable");
  expect(await refused("show", "keyed", "--key-file", keyFile("other.key"))).toContain(
    "this is not the key of session keyed",
  );
  // What the server would refuse it would have read.
  const nothing = "the session is encrypted, and its key was not given: nothing was sent";
  expect(await refused("send", "keyed", "plain")).toContain(`${nothing}; wanted --key-file FILE`);
  const joined = await rig.run(["session", "join", "keyed"], { stdin: "plain\n/issue of a guest\n" });
  expect([joined.code, joined.err]).toEqual([1, `error: line 1: ${nothing}\n`]);
  expect(joined.out).toContain("of a guest");
  expect(await refused("show", "keyed", "--key-file", keyFile("nothing.key"))).toContain("nothing.key cannot be read");
  writeFileSync(keyFile("cut.key"), key.slice(0, -1));
  const cut = await refused("send", "keyed", "--key-file", keyFile("cut.key"), "x");
  expect(cut).toContain("cut.key: the key of a session cannot be read; wanted a link");
  expect(cut).not.toContain(key.slice(2, 20));
  await session("create", "plain");
  expect(await refused("send", "plain", "--key-file", keyFile("keyed.key"), "x")).toContain(
    "session plain is not encrypted",
  );
  expect(await refused("create", "x", "--encrypted", "--json")).toContain("cannot be used with");
});

test("after a new key the one before reads what was said until then, and says nothing", async () => {
  await make("left");
  await session("send", "left", "--key-file", keyFile("left.key"), "before");
  const there = rig.follow(["session", "join", "left", "--user", "eve", "--watch", "--key-file", keyFile("left.key")]);
  await there.until((lines) => lines.some((line) => line.includes("eve joined")));
  const link = await session("rekey", "left", "--key-file", keyFile("left.key"));
  expect(link).toMatch(/^\/sessions\/left#key=2\./);
  writeFileSync(keyFile("left.new.key"), link);
  await session("send", "left", "--key-file", keyFile("left.new.key"), "behind");
  await there.until((lines) => lines.some((line) => line.includes("and it needs 2")));
  await there.interrupt();
  expect(await refused("send", "left", "--key-file", keyFile("left.key"), "x")).toContain("wanted the new link");
  expect(await refused("rekey", "left", "--key-file", keyFile("left.key"))).toContain("wanted the new link");
  expect(await refused("rekey", "left")).toContain("no key is given; wanted --key-file FILE");
  const old = wordsOf(await session("show", "left", "--key-file", keyFile("left.key")));
  expect(old.filter((line) => line.startsWith("ann"))).toEqual([
    "ann before",
    "ann (cannot be read: the key was changed: this is number 1, and it needs 2)",
  ]);
  const all = wordsOf(await session("show", "left", "--key-file", keyFile("left.new.key")));
  expect(all.filter((line) => line.startsWith("ann"))).toEqual(["ann before", "ann behind"]);
});

test("who is known by a token seals under that name, whatever --user says", async () => {
  const admin = (await rig.ok(["token", "create", "root", "--role", "admin"])).trim();
  const asRoot = { env: { WATCHPOST_TOKEN: admin } };
  writeFileSync(keyFile("own.key"), await rig.ok(["session", "create", "own", "--encrypted"], asRoot));
  const key = ["--key-file", keyFile("own.key")];
  await rig.ok(["session", "send", "own", ...key, "--user", "ann", "by a call"], asRoot);
  await rig.ok(["session", "join", "own", ...key, "--user", "ann"], { ...asRoot, stdin: "by a stream\n" });
  const shown = wordsOf(await rig.ok(["session", "show", "own", ...key], asRoot));
  expect(shown.filter((line) => line.startsWith("root "))).toEqual(["root by a call", "root by a stream"]);
});

test("of what was said nothing stands in any file of the server, and of the keys neither", async () => {
  const words = ["zwiebelkuchen", "federweisser", "from a variable", "by a stream"];
  const files = readdirSync(join(rig.dir, "data"), { recursive: true, encoding: "utf8" })
    .map((name) => join(rig.dir, "data", name))
    .filter((file) => statSync(file).isFile());
  const all = Buffer.concat(files.map((file) => readFileSync(file)));
  // The one that is not encrypted is found, so the others would be.
  expect(all.includes("pump is loud")).toBe(true);
  expect(words.filter((word) => all.includes(word) || all.includes(btoa(word).slice(0, -4)))).toEqual([]);
  for (const file of ["pump.key", "keyed.key", "left.key", "left.new.key"]) {
    const secret = readFileSync(keyFile(file), "utf8").trim().split("#key=")[1].slice(2);
    const raw = Buffer.from(secret, "base64url");
    expect([
      all.includes(secret),
      all.includes(raw),
      all.includes(raw.toString("base64")),
      all.includes(raw.toString("hex")),
    ]).toEqual([false, false, false, false]);
  }
});
