/** The compiled executable over TLS, as server and as command: what OpenSSL and grpc-js need is in it. */
import { afterEach, expect } from "bun:test";
import { pythonContractClient, pythonMissing } from "../interop/python-client.ts";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir, watchpostCommand } from "../support/server-process.ts";
import { OpenStreams, ReloadingServer } from "../transport/reloading.ts";
import { outputOf } from "../transport/tls-rig.ts";

const opened: Disposable[] = [];
let server: ReloadingServer | undefined;

afterEach(async () => {
  server?.process.kill();
  await server?.process.exited;
  for (const each of opened.splice(0)) each[Symbol.dispose]();
});

async function start(): Promise<{ dir: string; running: ReloadingServer; address: string }> {
  const dir = tempDir("tls-binary");
  opened.push(dir);
  const running = (server = await ReloadingServer.start(dir.path, { binary: true }));
  const { grpc } = running.process;
  return { dir: dir.path, running, address: `localhost${grpc.slice(grpc.lastIndexOf(":"))}` };
}

testNeeding([program("openssl")])(
  "streams go on while its certificate is replaced, and commands talk to it",
  async () => {
    const { running, address } = await start();
    const streams = new OpenStreams(running);
    await streams.goOn();
    await running.replace("server-1");
    expect(await running.shown()).toEqual(["server-1", "server-1"]);
    await streams.goOn();
    const ca = ["--ca", running.authority.cert];
    const stats = await outputOf([...watchpostCommand(true), "stats", "--server", `https://${address}`, ...ca]);
    expect(stats).toContain("Series");
    const distrusting = await outputOf([...watchpostCommand(true), "stats", "--server", `https://${address}`]);
    expect(distrusting).toContain("signed by an authority that is not trusted here");
    const acknowledged = await streams.finish();
    expect(streams.failures).toEqual([]);
    expect(acknowledged).toBe(streams.sent);
    expect(await running.process.stop()).toBe(0);
  },
);

testNeeding([program("openssl"), pythonMissing])("a client in Python uploads and subscribes", async () => {
  const { dir, running, address } = await start();
  const seen = await pythonContractClient(dir, [address, running.authority.cert]);
  expect(seen.upload).toMatchObject({ processed: 5, failed: 1 });
  expect(seen.first.names).toContain("py.ok:python");
});
