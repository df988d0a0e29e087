/** A node in its own process, at the same address each time it is started, and who uploads to it without end. */
import { create, toBinary, fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { join } from "node:path";
import { Connection } from "../../src/client/connection.ts";
import { BatchAckSchema, BatchDataSchema, DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, type ServerProcess } from "../support/server-process.ts";

export interface NodeProcess {
  readonly name: string;
  readonly grpc: string;
  /** As its last process has it. */
  http(): string;
  /** Its data directory. */
  readonly data: string;
  /** Lines of its log that tell of an error, of all its processes; not those of a trouble that may pass. */
  errors(): string[];
  /** What it has said, as JSON. */
  said(): string;
  /** What the last of its processes told of the shared journal. */
  news(): string[];
  kill(): Promise<void>;
  /** Stops the process where it stands: it keeps its connections. */
  pause(): void;
  resume(): void;
  /** Again, with what it has on its disk. */
  start(): Promise<void>;
  connect(token?: string): Connection;
}

export interface NodeOptions {
  readonly name: string;
  /** Its data go below. */
  readonly dir: string;
  readonly redisUrl: string;
  /** Where it listens; left out: at a port that is free. */
  readonly grpc?: string;
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startNode({
  name,
  dir,
  redisUrl,
  grpc = `127.0.0.1:${ownPort()}`,
  env: more,
}: NodeOptions): Promise<NodeProcess> {
  const data = join(dir, name);
  const env = { WATCHPOST_REDIS_URL: redisUrl, WATCHPOST_REDIS_NODE_NAME: name, ...more };
  const processes: ServerProcess[] = [];
  const start = async () => void processes.push(await startServerProcess({ data, env, args: ["--grpc", grpc] }));
  await start();
  return {
    ...{ name, grpc, data, start },
    http: () => processes.at(-1)!.http,
    news: () =>
      processes
        .at(-1)!
        .log()
        .flatMap(({ news }) => (news === undefined ? [] : [String(news)])),
    errors: () =>
      processes.flatMap((process) =>
        process
          .log()
          .filter(({ level, trouble }) => Number(level) >= 50 && trouble === undefined)
          .map((line) => `${name}: ${JSON.stringify(line)}`),
      ),
    said: () => JSON.stringify(processes.flatMap((process) => process.log())),
    pause: () => processes.at(-1)!.kill("SIGSTOP"),
    resume: () => processes.at(-1)!.kill("SIGCONT"),
    async kill() {
      const last = processes.at(-1)!;
      last.kill();
      await last.exited;
    },
    connect: (token) => new Connection(grpc, { random: () => 0, ...(token !== undefined && { token }) }),
  };
}

export const BATCH_POINTS = 5;
const [RETRY_MS, DEADLINE_MS] = [50, 5_000];

/** Sends one batch after the other, each again and again until it is acknowledged. */
export class Uploader {
  readonly #connection: Connection;
  readonly #source: string;
  readonly #fromMs: number;
  readonly #everyMs: number;
  readonly #ended: Promise<void>;
  /** The points are 0, 1, 2, … of the metric "count", a millisecond each from `fromMs` on: so many of them are acknowledged. */
  acked = 0;
  /** What each batch says of the metric "temperature", as of now. */
  temperature = 20;
  #isOver = false;

  constructor(connection: Connection, source: string, fromMs: number, everyMs: number) {
    this.#connection = connection;
    this.#source = source;
    this.#fromMs = fromMs;
    this.#everyMs = everyMs;
    this.#ended = this.#run();
  }

  /** Resolves once the last one is acknowledged. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
    this.#connection.close();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#send(this.#nextBatch());
      this.acked += BATCH_POINTS;
      await Bun.sleep(this.#everyMs);
    }
  }

  #nextBatch(): Uint8Array {
    const now = { metricName: "temperature", value: this.temperature, timestamp: timestampFromMs(Date.now()) };
    const counted = Array.from({ length: BATCH_POINTS }, (_, i) => {
      const value = this.acked + i;
      return { metricName: "count", value, timestamp: timestampFromMs(this.#fromMs + value) };
    });
    return toBinary(BatchDataSchema, create(BatchDataSchema, { source: this.#source, points: [...counted, now] }));
  }

  async #send(batch: Uint8Array): Promise<void> {
    for (;;) {
      let ack: Uint8Array;
      try {
        ack = await this.#connection.unary(DataIngestion.method.uploadBatch, batch, { deadlineMs: DEADLINE_MS });
      } catch {
        await Bun.sleep(RETRY_MS);
        continue;
      }
      const { pointsFailed, refused } = fromBinary(BatchAckSchema, ack);
      if (pointsFailed > 0)
        throw new Error(`${this.#source}: ${pointsFailed} points were refused: ${refused[0]?.reason}`);
      return;
    }
  }
}
