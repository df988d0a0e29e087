/** `watchpost service install --dry-run` with settings that name a certificate. */
import { expect } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testNeeding } from "../../support/needs.ts";
import { BINARY, tempDir } from "../../support/server-process.ts";

const noRoot = process.getuid?.() !== 0 && "root";

testNeeding([noRoot])(
  "the key that settings name is handed over where root alone may read it; wrong settings are refused",
  () => {
    using dir = tempDir("service-key");
    const at = (name: string) => join(dir.path, name);
    const unit = (...flags: string[]) => {
      const { exitCode, stdout, stderr } = Bun.spawnSync([BINARY, "service", "install", "--dry-run", ...flags]);
      return { code: exitCode, text: `${stdout.toString()}${stderr.toString()}` };
    };
    writeFileSync(at("server.key"), "a key", { mode: 0o600 });
    writeFileSync(at("w.toml"), `[tls]\ncert = "${at("server.pem")}"\nkey = "${at("server.key")}"\n`);
    const handed = `LoadCredential=tls.key:${at("server.key")}\nEnvironment=WATCHPOST_TLS_KEY=%d/tls.key\n`;
    expect(unit("--config", at("w.toml")).text).toContain(handed);
    expect(unit().text).not.toContain("tls.key");
    chmodSync(at("server.key"), 0o644);
    expect(unit("--config", at("w.toml")).text).not.toContain("tls.key");
    writeFileSync(at("w.toml"), "htpp = 1\n");
    expect(unit("--config", at("w.toml"))).toEqual({
      code: 2,
      text: expect.stringContaining("there is no such setting"),
    });
    expect(unit("--config", at("none.toml")).text).toContain("cannot be read");
  },
);
