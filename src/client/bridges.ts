import { DataIngestion } from "../wire/gen/ingestion_pb.ts";
import type { BridgeStatus } from "../wire/gen/edge_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** The MQTT brokers of a server, as they stand in its configuration. Throws the server's status. */
export async function listBridges(connection: Connection, options: AskOptions = {}): Promise<BridgeStatus[]> {
  return (await ask(connection, DataIngestion.method.listBridges, {}, options)).bridges;
}
