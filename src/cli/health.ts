/** `watchpost health`: whether a server serves, for whoever restarts it where it does not. */
import { Command } from "commander";
import { ask } from "../client/ask.ts";
import { formatDurationMs } from "../model/duration.ts";
import { WatchpostError } from "../model/errors.ts";
import { errorOf } from "../wire/call-error.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../wire/gen/grpc/health/v1/health_pb.ts";
import { addServerOption, connectTo, wholeMsArgument } from "./client-flags.ts";

const TIMEOUT_MS = 3_000;
const HELP = `
Asks as grpc.health.v1 does and says one word: exit code 0 where the server takes and serves points, 1 where it does not or
does not answer. What is wrong beside that, such as a disk that fills, is told by watchpost status.`;

interface HealthFlags {
  server: string;
  service?: string;
  timeout?: number;
}

export function healthCommand(): Command {
  return addServerOption(new Command("health"))
    .summary("ask whether a server serves; for health checks of containers")
    .description("Asks a server whether it serves, and ends with code 0 or 1.")
    .option("--service <name>", "one service, such as analytics.DataIngestion (default: all)")
    .option("--timeout <duration>", "how long it may take to answer (default: 3s)", wholeMsArgument)
    .addHelpText("after", HELP)
    .action(health);
}

async function health({ server, service = "", timeout = TIMEOUT_MS }: HealthFlags): Promise<void> {
  const connection = connectTo(server);
  try {
    const { status } = await ask(connection, Health.method.check, { service }, { deadlineMs: timeout });
    if (status === Serving.SERVING) return console.log("serving");
    const what = service === "" ? "it" : service;
    throw new WatchpostError("UNAVAILABLE", `${server} answers, and ${what} does not serve`);
  } catch (error) {
    const failure = error instanceof WatchpostError ? error : errorOf(error);
    if (failure.status !== "DEADLINE_EXCEEDED") throw failure;
    throw new WatchpostError("UNAVAILABLE", `${server} did not answer within ${formatDurationMs(timeout)}`);
  } finally {
    connection.close();
  }
}
