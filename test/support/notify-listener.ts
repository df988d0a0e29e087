/** A NOTIFY_SOCKET of the test's own: what a service tells its manager, as it comes. */
import { join } from "node:path";
import { tempDir } from "./server-process.ts";

/** Bun has no datagram sockets of the file system. Each datagram becomes a line of JSON. */
const LISTEN = `
import json, socket, sys
address = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + address[1:] if address.startswith("@") else address)
print("listening", flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;
const PATIENCE_MS = 60_000;

export type Told = Readonly<Record<string, string>>;

export class NotifyListener implements AsyncDisposable {
  /** What NOTIFY_SOCKET says. */
  readonly address: string;
  readonly told: Told[] = [];
  readonly #dir = tempDir("notify");
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  #wake = () => {};

  private constructor(isAbstract: boolean) {
    this.address = isAbstract ? `@watchpost-${crypto.randomUUID()}` : join(this.#dir.path, "notify");
    const command = ["python3", "-c", LISTEN, this.address];
    this.#child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  }

  static async start(options: { isAbstract?: boolean } = {}): Promise<NotifyListener> {
    const listener = new NotifyListener(options.isAbstract === true);
    const listening = Promise.withResolvers<void>();
    void listener.#read(listening.resolve);
    await listening.promise;
    return listener;
  }

  /** Resolves with the first that is wanted, from the `from`-th on; rejects with all of them after a while. */
  async until(isWanted: (told: Told) => boolean, from = 0): Promise<Told> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.told.slice(from).find(isWanted);
      if (found !== undefined) return found;
      if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${JSON.stringify(this.told)}`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), Bun.sleep(100)]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
    this.#dir[Symbol.dispose]();
  }

  async #read(onListening: () => void): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "listening") onListening();
        else this.told.push(fieldsOf(JSON.parse(line) as string));
      }
      this.#wake();
    }
  }
}

function fieldsOf(text: string): Told {
  const pairs = text.trimEnd().split("\n");
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}
