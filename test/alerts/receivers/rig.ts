/** Deliveries on a clock that a test moves, to servers of the test's own. */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { z } from "zod";
import type { Notification } from "../../../src/alerts/notify/notification.ts";
import {
  deliver,
  type DeliveryAttempt,
  type DeliveryPolicy,
  type DeliveryResult,
} from "../../../src/alerts/receivers/delivery.ts";
import { openReceivers } from "../../../src/alerts/receivers/open-receivers.ts";
import { receiversSchema, type ReceiverConfig } from "../../../src/alerts/receivers/receiver-config.ts";
import type { Receiver } from "../../../src/alerts/receivers/receiver.ts";
import { Slots } from "../../../src/alerts/receivers/slots.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { NOON_MS } from "./notifications.ts";

export class Rig {
  readonly clock: ManualClock;
  readonly slots = new Slots(4);
  readonly attempts: DeliveryAttempt[] = [];
  readonly stop = new AbortController();
  readonly random = () => 0.5;

  constructor(nowMs = NOON_MS) {
    this.clock = new ManualClock(nowMs);
  }

  /** Waits between attempts pass at once. */
  async deliver(receiver: Receiver, notification: Notification, policy?: DeliveryPolicy): Promise<DeliveryResult> {
    const { clock, slots, random, stop } = this;
    const onAttempt = (attempt: DeliveryAttempt) => {
      this.attempts.push(attempt);
      const { retryInMs } = attempt;
      if (retryInMs !== null) queueMicrotask(() => clock.advance(retryInMs));
    };
    const deps = { clock, random, slots, onAttempt, ...(policy === undefined ? {} : { policy }) };
    return deliver(receiver, notification, deps, { signal: stop.signal });
  }

  /** The receiver of one channel, as it would be configured. */
  async receiver(channel: Readonly<Record<string, unknown>>): Promise<Receiver> {
    const opened = await openReceivers(configsOf([{ name: "ops", ...channel }]), this);
    return opened.get("ops")![0];
  }
}

export function configsOf(given: unknown, env: Readonly<Record<string, string>> = {}): ReceiverConfig[] {
  const parsed = receiversSchema(env).safeParse(given);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}

export interface RawServer {
  readonly port: number;
  /** Connections that are open. */
  readonly open: ReadonlySet<Socket>;
  [Symbol.dispose](): void;
}

/** A TCP server of a few lines; `onData` is given what came so far. */
export async function rawServer(
  onData: (socket: Socket, text: string) => void,
  onOpen: (socket: Socket) => void = () => {},
): Promise<RawServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    let text = "";
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (data: Buffer) => onData(socket, (text += data.toString())));
    onOpen(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    open,
    [Symbol.dispose]() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Where nothing listens. */
export async function closedPort(): Promise<number> {
  using server = await rawServer(() => {});
  return server.port;
}

/** Resolves once it holds; looked at again and again. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(1);
}

export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
}

/** Self-signed, for localhost and no other name. */
export function selfSigned(directory: string): TestCertificate {
  const [key, cert] = [`${directory}/key.pem`, `${directory}/cert.pem`];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...request, ...subject, "-keyout", key, "-out", cert], {
    stderr: "pipe",
  });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return { key, cert };
}
