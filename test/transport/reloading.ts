/** A server in its own process whose certificate is replaced while streams are open and connections are made. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { encodeBatch, type Batch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { subscribe } from "../../src/client/subscribe.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { FrameKind, frameOf, readFrame } from "../../src/wire/tunnel-frame.ts";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { startServerProcess, type ServerProcess, type ServerProcessOptions } from "../support/server-process.ts";
import { shownBy } from "./tls-rig.ts";

const SEND_EVERY_MS = 10;
const PATIENCE_MS = 60_000;

export class ReloadingServer {
  readonly authority: TestAuthority;
  readonly process: ServerProcess;
  readonly #files: TestCertificate;

  private constructor(authority: TestAuthority, files: TestCertificate, process: ServerProcess) {
    this.authority = authority;
    this.#files = files;
    this.process = process;
  }

  static async start(dir: string, options: Omit<ServerProcessOptions, "data"> = {}): Promise<ReloadingServer> {
    const authority = new TestAuthority(dir);
    const files = { cert: join(dir, "server.pem"), key: join(dir, "server.key") };
    const config = join(dir, "watchpost.toml");
    writeFileSync(config, `[tls]\ncert = "${files.cert}"\nkey = "${files.key}"\n`);
    put(files, authority.issue({ commonName: "server-0" }));
    const args = [...(options.args ?? []), "--config", config];
    const server = await startServerProcess({ ...options, data: join(dir, "data"), args });
    return new ReloadingServer(authority, files, server);
  }

  get tls() {
    return { ca: readFileSync(this.authority.cert) };
  }

  connect(): Connection {
    return new Connection(portOf(this.process.grpc, "localhost"), { tls: this.tls, random: () => 0 });
  }

  /** Another certificate under the same paths, then SIGHUP; resolves once it is said to be in force. */
  async replace(commonName: string): Promise<void> {
    put(this.#files, this.authority.issue({ commonName }));
    await this.#hangUp("a new certificate is in force");
  }

  /** A key of another certificate; resolves once it is refused. */
  async spoil(): Promise<void> {
    copyFileSync(this.authority.issue().key, this.#files.key);
    await this.#hangUp("stays in force");
  }

  async #hangUp(said: string): Promise<void> {
    const count = () => this.process.log().filter(({ msg }) => String(msg).includes(said)).length;
    const before = count();
    this.process.kill("SIGHUP");
    await until(() => count() > before);
  }

  /** Common names of what new connections are shown: over gRPC, over HTTP. */
  async shown(): Promise<string[]> {
    const { grpc, http } = this.process;
    const both = await Promise.all([grpc, http].map((address) => shownBy(address, this.authority.cert)));
    return both.map(({ commonName }) => commonName);
  }
}

function put(to: TestCertificate, from: TestCertificate): void {
  copyFileSync(from.cert, to.cert);
  copyFileSync(from.key, to.key);
}

export async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within ${PATIENCE_MS} ms: ${holds}`);
    await Bun.sleep(5);
  }
}

function portOf(address: string, host: string): string {
  return `${host}:${address.slice(address.lastIndexOf(":") + 1)}`;
}

/** Streams on both ports, each on one connection of its own: how far each has come, and what went wrong. */
export class OpenStreams {
  readonly progress = { upload: 0, subscription: 0, http1: 0, http2: 0, tunnel: 0 };
  readonly failures: string[] = [];
  readonly #server: ReloadingServer;
  readonly #over = new AbortController();
  readonly #connections: Connection[] = [];
  #session: ClientHttp2Session | undefined;
  #socket: WebSocket | undefined;
  #uploading: Promise<unknown> | undefined;
  #isStopping = false;
  sent = 0;

  constructor(server: ReloadingServer) {
    this.#server = server;
    this.#upload();
    void this.#follow();
    void this.#followHttp1();
    this.#followHttp2();
    this.#openTunnel();
  }

  /** Resolves when each has come further than it is now. */
  async goOn(): Promise<void> {
    const before = { ...this.progress };
    await until(() =>
      Object.entries(before).every(([name, count]) => this.progress[name as keyof typeof before] > count),
    );
  }

  /** Ends the upload in order; resolves with how many batches were acknowledged. */
  async finish(): Promise<number> {
    this.#isStopping = true;
    await this.#uploading;
    this.#over.abort();
    this.#session?.destroy();
    this.#socket?.close();
    this.#connections.forEach((connection) => connection.close());
    return this.progress.upload;
  }

  #connect(): Connection {
    const connection = this.#server.connect();
    this.#connections.push(connection);
    return connection;
  }

  #options(name: string) {
    return { signal: this.#over.signal, onRetry: ({ error }: { error: Error }) => this.#failed(name, error) };
  }

  #failed(name: string, error: unknown): void {
    if (!this.#over.signal.aborted) this.failures.push(`${name}: ${String(error)}`);
  }

  #upload(): void {
    const onProgress = ({ batches }: { batches: number }) => (this.progress.upload = batches);
    const options = { ...this.#options("upload"), onProgress };
    this.#uploading = uploadAll(this.#connect(), this.#batches(), options).catch((error) =>
      this.#failed("upload", error),
    );
  }

  async *#batches(): AsyncIterable<Batch> {
    for (; !this.#isStopping; this.sent++) {
      yield encodeBatch([{ metric: "t", value: this.sent, timeUs: Date.now() * 1_000 }], "test");
      await Bun.sleep(SEND_EVERY_MS);
    }
  }

  async #follow(): Promise<void> {
    const subscription = { metricNames: ["*"], updateIntervalMs: 100 };
    for await (const _ of subscribe(this.#connect(), subscription, this.#options("subscription"))) {
      this.progress.subscription++;
    }
  }

  async #followHttp1(): Promise<void> {
    const url = `https://${portOf(this.#server.process.http, "localhost")}/live?metric=*&interval=100ms`;
    try {
      const { body } = await fetch(url, { tls: this.#server.tls, signal: this.#over.signal } as RequestInit);
      for await (const _ of body as unknown as AsyncIterable<Uint8Array>) this.progress.http1++;
      this.#failed("http1", "it ended");
    } catch (error) {
      this.#failed("http1", error);
    }
  }

  #followHttp2(): void {
    const session = connectHttp2(`https://${portOf(this.#server.process.http, "localhost")}`, this.#server.tls);
    session.on("error", (error) => this.#failed("http2", error));
    const stream = session.request({ ":path": "/live?metric=*&interval=100ms" });
    stream.on("data", () => this.progress.http2++);
    stream.on("error", (error) => this.#failed("http2", error));
    stream.on("close", () => this.#failed("http2", "it ended"));
    this.#session = session;
  }

  /** Pings, which the server answers. */
  #openTunnel(): void {
    const address = portOf(this.#server.process.http, "localhost");
    const options = { tls: this.#server.tls, headers: { origin: `https://${address}` } };
    const socket = new WebSocket(`wss://${address}/tunnel`, options as never);
    socket.binaryType = "arraybuffer";
    const ping = () => socket.send(frameOf(FrameKind.PING, 1));
    socket.onopen = ping;
    socket.onmessage = ({ data }) => {
      if (readFrame(new Uint8Array(data as ArrayBuffer))?.kind !== FrameKind.PING) return;
      this.progress.tunnel++;
      setTimeout(ping, SEND_EVERY_MS);
    };
    socket.onclose = () => this.#failed("tunnel", "it was closed");
    this.#socket = socket;
  }
}

/** Connections that are made one after the other all the while. */
export class Visitors {
  readonly made = { grpc: 0, http: 0 };
  readonly failed = { grpc: 0, http: 0 };
  /** Also when it was tried once more. */
  readonly failedTwice: string[] = [];
  #isOver = false;
  readonly #running: Promise<void>[];

  constructor(server: ReloadingServer) {
    this.#running = (["grpc", "http"] as const).map((port) => this.#visit(port, server));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #visit(port: "grpc" | "http", server: ReloadingServer): Promise<void> {
    while (!this.#isOver) {
      const visit = () => shownBy(server.process[port], server.authority.cert);
      try {
        await visit();
        this.made[port]++;
      } catch {
        this.failed[port]++;
        await visit().catch((error: unknown) => this.failedTwice.push(`${port}: ${String(error)}`));
      }
      await Bun.sleep(1);
    }
  }
}
