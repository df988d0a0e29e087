/** A server in this process whose doors are open. */
import { startServer } from "../../../src/app.ts";
import { deleteSeries } from "../../../src/client/catalog.ts";
import { Connection } from "../../../src/client/connection.ts";
import { queryRange } from "../../../src/client/query.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { spawn } from "../../log/harness.ts";
import { tempDir } from "../../support/server-process.ts";

export async function openServer(env: Readonly<Record<string, string>> = {}) {
  const dir = tempDir("doors");
  const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env, flags, machineMemoryBytes: 2 ** 31 });
  const told: string[] = [];
  const tell = (_: object, sentence: string) => void told.push(sentence);
  const logger = { info: tell, warn: tell, error: tell, debug: tell };
  const onFatal = (error: Error) => {
    throw error;
  };
  const server = await startServer(config, { spawn, logger, clock: systemClock, onFatal });
  const connection = new Connection(server.grpcAddress);
  return {
    url: `http://${server.httpAddress}`,
    grpcAddress: server.grpcAddress,
    told,
    post: (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
      fetch(`http://${server.httpAddress}${path}`, { method: "POST", body: body as Uint8Array<ArrayBuffer>, headers }),
    deleteSeries: (metric: string) => deleteSeries(connection, { metric }),
    /** Every stored point as "metric source tags@timeMs=value", in order. */
    async stored(): Promise<string[]> {
      const { series } = await queryRange(connection, { metric: "*" });
      return series.flatMap(({ metric, source, tags, timesMs, values }) => {
        const shown = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
        return timesMs.map((timeMs, i) => `${[metric, source, ...shown.sort()].join(" ")}@${timeMs}=${values[i]}`);
      });
    },
    async [Symbol.asyncDispose]() {
      connection.close();
      await server.close();
      dir[Symbol.dispose]();
    },
  };
}
