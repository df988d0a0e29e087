/** A TCP proxy that can be taken away, cut in the middle of what it passes on, and slow. */
import { connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly address: string;
  /** Refuses, and resets what there is, until {@link mend}. */
  cut(): void;
  /** Passes on so many bytes more to the target, then resets that connection. */
  cutAfter(bytes: number): void;
  mend(): void;
  /** What comes from now on is passed on so many milliseconds later, each way; 0: at once. */
  slow(ms: number): void;
  close(): void;
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host, port] = target.split(":");
  const sockets = new Set<Socket>();
  let isCut = false;
  let left = Infinity;
  let delayMs = 0;
  /** In the order in which it came, also where it is less slow meanwhile. */
  const later = (socket: Socket) => {
    let dueAtMs = 0;
    return (pass: () => void) => {
      dueAtMs = Math.max(dueAtMs, performance.now() + delayMs);
      const waitMs = dueAtMs - performance.now();
      if (delayMs === 0 && waitMs <= 0) pass();
      else setTimeout(() => socket.destroyed || pass(), waitMs);
    };
  };
  const server = createServer((inside) => {
    if (isCut) return void inside.destroy();
    const outside = connect(Number(port), host);
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    const [toInside, toOutside] = [later(inside), later(outside)];
    outside.on("data", (bytes: Buffer) => {
      toInside(() => {
        if (inside.write(bytes)) return;
        outside.pause();
        inside.once("drain", () => outside.resume());
      });
    });
    outside.on("end", () => toInside(() => inside.end()));
    const pass = (bytes: Buffer) => {
      const passed = bytes.subarray(0, left);
      left -= passed.byteLength;
      if (passed.byteLength > 0 && !outside.write(passed)) {
        inside.pause();
        outside.once("drain", () => inside.resume());
      }
      if (left > 0) return;
      left = Infinity;
      outside.end(() => outside.destroy());
      inside.destroy();
    };
    inside.on("data", (bytes: Buffer) => toOutside(() => pass(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as { port: number };
  const destroyAll = () => sockets.forEach((socket) => socket.destroy());
  return {
    address: `127.0.0.1:${own}`,
    cut() {
      isCut = true;
      destroyAll();
    },
    cutAfter(bytes) {
      left = bytes;
    },
    mend() {
      isCut = false;
    },
    slow(ms) {
      delayMs = ms;
    },
    close() {
      server.close();
      destroyAll();
    },
  };
}
