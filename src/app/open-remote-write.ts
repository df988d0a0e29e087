/** Remote write to a Prometheus-compatible cluster, where one is set. */
import { readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";
import type { ReceiverAccess } from "../edge/remote-write/receiver.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import { withoutTokens } from "../model/token-text.ts";
import { OUTGOING_START, type OutgoingPlace } from "../store/outgoing-protocol.ts";
import { seriesMatcherOf } from "./series-matcher.ts";
import type { Storage } from "./open-storage.ts";

export interface RemoteWriteDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface OpenRemoteWrite {
  /** What keeps points from getting there, in a sentence; undefined: nothing does, or there is no remote write. */
  trouble(): string | undefined;
}

const MEASURE_EVERY_MS = 10_000;

/** `opening` closes what was opened. Throws FAILED_PRECONDITION where a file that a setting names cannot be read. */
export async function openRemoteWrite(
  config: Config,
  { bus, registry, store, nextSeq, unsentDrops }: Storage,
  { logger, clock, metrics }: RemoteWriteDeps,
  opening: AsyncDisposableStack,
): Promise<OpenRemoteWrite> {
  const { url, ...settings } = config.remote_write;
  if (url === undefined) return { trouble: () => undefined };
  const [{ RemoteWrite }, { receiverOf }, { CursorFile }] = await Promise.all([
    import("../edge/remote-write/remote-write.ts"),
    import("../edge/remote-write/receiver.ts"),
    import("../edge/remote-write/cursor-file.ts"),
  ]);
  const where = `${new URL(url).host}${new URL(url).pathname}`;
  const access = () => accessOf(config);
  access();
  const onTrouble = (sentence: string) => logger.warn({ remote: where }, `remote write: ${sentence}`);
  const cursor = CursorFile.open(config.data, clock, (error) => {
    onTrouble(`how far it has come cannot be synced: ${messageOf(error)}`);
  });
  const place = placeOf(cursor.stored?.place, settings.history, nextSeq);
  cursor.begin(place);
  const onLost = (sentence: string, points: number) => {
    logger.error({ remote: where, points }, `remote write: ${sentence}`);
  };
  const remoteWrite = new RemoteWrite(
    {
      matcher: seriesMatcherOf(settings, "remote_write.metrics"),
      labels: settings.labels,
      ...{ batchPoints: settings.batch_points, batchWaitMs: settings.batch_wait, connections: settings.connections },
      ...{ queueBytesMax: settings.queue_bytes_max, queueAgeMaxMs: settings.queue_age_max },
      backoff: { firstMs: settings.backoff_min, maxMs: settings.backoff_max },
    },
    {
      ...{ bus, clock, registry, store, cursor, nextSeq, place },
      mayBeThere: cursor.stored?.isClosed === false,
      receiver: receiverOf({ url, timeoutMs: settings.timeout, clock, access }),
      random: Math.random,
      onConnected: () => logger.info({ remote: where }, "remote write: it gets through again"),
      ...{ onTrouble, onLost },
      onCount: ({ bytes, ...counts }) => {
        for (const [result, points] of Object.entries(counts)) metrics.remoteWritePoints.inc({ result }, points);
        if (bytes !== undefined) metrics.remoteWriteBytes.inc(bytes);
      },
    },
  );
  unsentDrops.countWith((drop) => remoteWrite.lost(drop));
  opening.defer(() => remoteWrite.close());
  remoteWrite.start();
  logger.info({ remote: where }, "remote write: points go there");

  const measure = async () => {
    metrics.remoteWriteUp.set(remoteWrite.trouble === undefined ? 1 : 0);
    const { queuedPoints, lagMs, nameCollisions } = await remoteWrite.status();
    metrics.remoteWriteQueuedPoints.set(queuedPoints);
    metrics.remoteWriteLagSeconds.set(lagMs / 1_000);
    metrics.remoteWriteNameCollisions.set(nameCollisions);
  };
  let cancel = () => {};
  const measureSoon = () => {
    cancel = clock.after(MEASURE_EVERY_MS, () => {
      void measure()
        .catch(() => {})
        .finally(measureSoon);
    });
  };
  void measure().catch(() => {});
  measureSoon();
  opening.defer(() => cancel());
  const trouble = () => remoteWrite.trouble && `Remote write to ${where}: ${remoteWrite.trouble}`;
  return { trouble };
}

/** A place ahead of the log is of a directory whose log was put back: what comes from now on is sent. */
function placeOf(stored: OutgoingPlace | undefined, history: boolean, nextSeq: number): OutgoingPlace {
  const now = { ...OUTGOING_START, seq: nextSeq };
  if (stored === undefined) return history ? OUTGOING_START : now;
  return stored.seq > nextSeq ? now : stored;
}

function accessOf({ remote_write: settings }: Config): ReceiverAccess {
  const { token_file, user, password_file, ca_file } = settings;
  const token = fileOf("token_file", token_file)?.trim();
  const password = fileOf("password_file", password_file)?.replace(/\r?\n$/, "") ?? "";
  const basic = user === undefined ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const authorization = token === undefined ? basic : `Bearer ${token}`;
  const headers = { ...settings.headers, ...(authorization === undefined ? {} : { authorization }) };
  return { headers, ca: fileOf("ca_file", ca_file) };
}

function fileOf(setting: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const message = `remote_write.${setting} cannot be read: ${withoutTokens(messageOf(error))}`;
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
}
