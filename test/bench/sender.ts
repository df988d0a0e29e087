/**
 * The process that sends: `bun sender.ts CONFIG_JSON`. Encodes everything, says {"ready":true}, begins when a line comes
 * in, and prints one {@link SenderResult} as JSON. With `progressMs` it prints {@link SenderProgress} meanwhile.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { BatchAckSchema, UploadResponseSchema } from "../../src/wire/gen/ingestion_pb.ts";
import { grpcBurst, lineBurst, type Burst, type Times } from "./bursts.ts";
import { Http2Client } from "./http2-client.ts";
import { percentile } from "./measure.ts";
import { planMessages, Walk } from "./workload.ts";

export interface SenderConfig {
  /** UploadData, StreamData, or POST of line protocol to `path`. */
  readonly kind: "upload" | "stream" | "line";
  readonly address: string;
  readonly path?: string;
  readonly seriesFrom: number;
  readonly seriesTo: number;
  readonly messagePoints: number;
  /** Messages that are filled and written together; small ones go out in one write, as buffering clients do. */
  readonly burstMessages?: number;
  /** Streams, each on a connection of its own and with its own share of the series. */
  readonly streams?: number;
  /** Ends at the earlier of both. */
  readonly durationMs?: number;
  readonly points?: number;
  /** Points a second of the whole process; as fast as possible without. */
  readonly rate?: number;
  readonly startUs: number;
  readonly stepUs: number;
  /** kind "stream": batches that may be unacknowledged. */
  readonly batchesInFlightMax?: number;
  readonly progressMs?: number;
  readonly seed: number;
}

export interface AckMs {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface SenderResult {
  /** Acknowledged by the server. */
  readonly points: number;
  readonly batches: number;
  readonly refused: number;
  /** From the start to the last answer. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** kind "stream" and "line": from the write of a batch to its acknowledgement. */
  readonly ackMs?: AckMs;
}

export interface SenderProgress {
  readonly progress: { readonly points: number; readonly ackMs: AckMs };
}

interface Tally {
  points: number;
  batches: number;
  refused: number;
  ackMs: number[];
}

/** Hands out the bursts of one stream until time or points are used up, no faster than the rate. */
class BurstSource {
  readonly #bursts: readonly Burst[];
  readonly #endMs: number;
  readonly #pointsMax: number;
  readonly #pointsPerMs: number;
  readonly #startMs = performance.now();
  #next = 0;
  #step = 0;
  #points = 0;

  constructor(bursts: readonly Burst[], limits: { durationMs: number; pointsMax: number; pointsPerMs: number }) {
    this.#bursts = bursts;
    this.#endMs = this.#startMs + limits.durationMs;
    this.#pointsMax = limits.pointsMax;
    this.#pointsPerMs = limits.pointsPerMs;
  }

  /** A filled burst, the ms to wait for one, or "end". */
  take(): Burst | number | "end" {
    const nowMs = performance.now();
    const burst = this.#bursts[this.#next];
    if (nowMs >= this.#endMs || this.#points + burst.points > this.#pointsMax) return "end";
    const dueMs = this.#startMs + this.#points / this.#pointsPerMs;
    if (dueMs > nowMs) return dueMs - nowMs;
    burst.fill(this.#step);
    this.#points += burst.points;
    if (++this.#next === this.#bursts.length) {
      this.#next = 0;
      this.#step += burst.steps;
    }
    return burst;
  }
}

/** Writes bursts to one gRPC call until the source ends; resolves with the server's last word. */
class GrpcPump {
  readonly #client: Http2Client;
  readonly #source: BurstSource;
  readonly #tally: Tally;
  readonly #inFlightMax: number;
  readonly #isStream: boolean;
  readonly #id: number;
  readonly #done = Promise.withResolvers<void>();
  readonly #sent: { batches: number; atMs: number }[] = [];
  #burst: Burst | undefined;
  #taken = 0;
  #written = 0;
  #batches = 0;
  #acked = 0;
  #ackedPoints = 0;
  #ackedRefused = 0;
  #answered = false;
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Http2Client, source: BurstSource, tally: Tally, config: SenderConfig) {
    this.#client = client;
    this.#source = source;
    this.#tally = tally;
    this.#isStream = config.kind === "stream";
    this.#inFlightMax = this.#isStream ? (config.batchesInFlightMax ?? 64) : Number.POSITIVE_INFINITY;
    this.#id = client.call(`/analytics.DataIngestion/${this.#isStream ? "StreamData" : "UploadData"}`, {
      onMessage: (message) => (this.#isStream ? this.#onAck(message) : this.#onResponse(message)),
      onEnd: () => this.#onEnd(),
      onError: (error) => {
        this.#ended = true;
        this.#done.reject(error);
      },
    });
    client.onWritable = () => this.pump();
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  pump(): void {
    while (!this.#ended) {
      const burst = this.#burst ?? this.#take();
      if (burst === undefined) return;
      if (this.#written < this.#taken) {
        this.#written += this.#client.writeRest(burst.buffer, this.#written, this.#taken);
        if (this.#written < this.#taken) return;
      }
      if (this.#taken === burst.buffer.length) {
        this.#burst = undefined;
        continue;
      }
      const from = this.#taken;
      ({ taken: this.#taken, written: this.#written } = this.#client.writeFrames(
        this.#id,
        burst.buffer,
        burst.cuts,
        from,
      ));
      if (this.#taken === from || this.#written < this.#taken) return;
    }
  }

  #take(): Burst | undefined {
    if (this.#batches - this.#acked >= this.#inFlightMax || this.#timer !== undefined) return undefined;
    const next = this.#source.take();
    if (next === "end") {
      this.#ended = true;
      this.#client.endSending(this.#id);
      return undefined;
    }
    if (typeof next === "number") {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.pump();
      }, next);
      return undefined;
    }
    this.#burst = next;
    this.#taken = 0;
    this.#written = 0;
    this.#batches += next.messages;
    if (this.#isStream) this.#sent.push({ batches: this.#batches, atMs: performance.now() });
    return next;
  }

  #onAck(message: Uint8Array): void {
    const ack = fromBinary(BatchAckSchema, message);
    this.#answered = true;
    this.#acked = Number(ack.batches);
    const nowMs = performance.now();
    while (this.#sent.length > 0 && this.#sent[0].batches <= this.#acked) {
      this.#tally.ackMs.push(nowMs - this.#sent.shift()!.atMs);
    }
    this.#tally.points += Number(ack.pointsProcessed) - this.#ackedPoints;
    this.#tally.refused += Number(ack.pointsFailed) - this.#ackedRefused;
    this.#ackedPoints = Number(ack.pointsProcessed);
    this.#ackedRefused = Number(ack.pointsFailed);
    this.pump();
  }

  #onResponse(message: Uint8Array): void {
    const response = fromBinary(UploadResponseSchema, message);
    this.#answered = true;
    this.#acked = Number(response.batchesTotal);
    this.#tally.points += Number(response.pointsProcessedTotal);
    this.#tally.refused += Number(response.pointsFailedTotal);
    if (response.errors.length > 0) console.error(response.errors.slice(0, 3).join("\n"));
  }

  #onEnd(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    if (this.#answered && this.#acked === this.#batches) {
      this.#tally.batches += this.#batches;
      this.#done.resolve();
    } else {
      const what = `${this.#acked} of ${this.#batches} batches were acknowledged`;
      this.#done.reject(new Error(`the call ended early: ${what}`));
    }
  }
}

/** POSTs bursts one after the other over one connection; the next is filled while the server works on the last. */
async function pumpLines(config: SenderConfig, source: BurstSource, tally: Tally): Promise<void> {
  const at = config.address.lastIndexOf(":");
  const done = Promise.withResolvers<void>();
  let sending: { buffer: Uint8Array; points: number; written: number; atMs: number } | undefined;
  let answer = "";
  let next = source.take();
  const write = () => {
    if (sending === undefined) return;
    const { buffer, written } = sending;
    if (written === buffer.length) return;
    sending.written += Math.max(0, socket.write(buffer, written, buffer.length - written));
    if (sending.written === buffer.length) next = source.take();
  };
  const begin = () => {
    if (next === "end") return done.resolve();
    if (typeof next === "number") {
      return void setTimeout(() => {
        next = source.take();
        begin();
      }, next);
    }
    sending = { buffer: next.buffer, points: next.points, written: 0, atMs: performance.now() };
    write();
  };
  const onAnswer = () => {
    const headEnd = answer.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const status = Number(answer.slice(9, 12));
    if (status !== 204) return done.reject(new Error(`${config.path} answered ${answer.slice(0, 500)}`));
    answer = answer.slice(headEnd + 4);
    tally.points += sending!.points;
    tally.batches++;
    tally.ackMs.push(performance.now() - sending!.atMs);
    sending = undefined;
    begin();
  };
  const socket = await Bun.connect({
    hostname: config.address.slice(0, at),
    port: Number(config.address.slice(at + 1)),
    socket: {
      data(_, bytes) {
        answer += bytes.toString("latin1");
        onAnswer();
      },
      drain: write,
      close: () => done.reject(new Error(`the connection to ${config.address} was closed by the server`)),
      error: (_, error) => done.reject(error),
    },
  });
  socket.setNoDelay(true);
  begin();
  await done.promise.finally(() => socket.end());
}

function ackSummary(ackMs: readonly number[]): AckMs {
  return {
    count: ackMs.length,
    p50: percentile(ackMs, 50),
    p99: percentile(ackMs, 99),
    p999: percentile(ackMs, 99.9),
    max: percentile(ackMs, 100),
  };
}

/** The bursts of every stream of this process. */
function prepare(config: SenderConfig): Burst[][] {
  const { streams = 1, burstMessages = 1, seriesFrom, seriesTo, messagePoints } = config;
  const walk = new Walk(seriesTo, config.seed);
  const times: Times = config;
  return Array.from({ length: streams }, (_, stream) => {
    const from = seriesFrom + Math.floor(((seriesTo - seriesFrom) * stream) / streams);
    const to = seriesFrom + Math.floor(((seriesTo - seriesFrom) * (stream + 1)) / streams);
    const plans = planMessages(from, to, messagePoints);
    const bursts: Burst[] = [];
    for (let i = 0; i < plans.length; i += burstMessages) {
      const some = plans.slice(i, i + burstMessages);
      const burst =
        config.kind === "line"
          ? lineBurst(some[0], walk, times, config.path!, config.address)
          : grpcBurst(some, walk, times, 1, `batch-${stream}-${i}`);
      bursts.push(burst);
    }
    return bursts;
  });
}

async function main(config: SenderConfig): Promise<void> {
  const prepared = prepare(config);
  console.log(JSON.stringify({ ready: true }));
  const lines = console[Symbol.asyncIterator]();
  if ((await lines.next()).done) return;
  // The starter has gone: so does the sender.
  void lines.next().then(() => process.exit(1));

  const { streams = 1, durationMs = Number.POSITIVE_INFINITY, rate = Number.POSITIVE_INFINITY } = config;
  const tally: Tally = { points: 0, batches: 0, refused: 0, ackMs: [] };
  const all: number[] = [];
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const progress = config.progressMs === undefined ? undefined : setInterval(report, config.progressMs);
  function report(): void {
    console.log(JSON.stringify({ progress: { points: tally.points, ackMs: ackSummary(tally.ackMs) } }));
    for (const ms of tally.ackMs.splice(0)) all.push(ms);
  }
  const limits = {
    durationMs,
    pointsMax: (config.points ?? Number.POSITIVE_INFINITY) / streams,
    pointsPerMs: rate / 1_000 / streams,
  };
  await Promise.all(
    prepared.map(async (bursts) => {
      if (config.kind === "line") return pumpLines(config, new BurstSource(bursts, limits), tally);
      const client = await Http2Client.connect(config.address);
      const pump = new GrpcPump(client, new BurstSource(bursts, limits), tally, config);
      pump.pump();
      await pump.done;
      client.close();
    }),
  );
  clearInterval(progress);
  for (const ms of tally.ackMs) all.push(ms);
  const { user, system } = process.cpuUsage(startCpu);
  const result: SenderResult = {
    points: tally.points,
    batches: tally.batches,
    refused: tally.refused,
    seconds: (performance.now() - startMs) / 1_000,
    cpuSeconds: (user + system) / 1e6,
    ...(all.length > 0 ? { ackMs: ackSummary(all) } : {}),
  };
  console.log(JSON.stringify({ result }));
  process.exit(0);
}

await main(JSON.parse(process.argv[2]) as SenderConfig);
