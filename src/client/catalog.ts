/** What there is on a server, and its deletion. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import type {
  ListMetricsRequestSchema,
  ListMetricsResponse,
  ListSeriesRequestSchema,
  ListSeriesResponse,
  ListTagValuesRequestSchema,
  ListTagValuesResponse,
} from "../wire/gen/history_pb.ts";
import type { DeleteSeriesRequestSchema, DeleteSeriesResponse } from "../wire/gen/store_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** A page of names in order. Throws the server's status, as all of these do. */
export function listMetrics(
  connection: Connection,
  request: MessageInitShape<typeof ListMetricsRequestSchema>,
  options: AskOptions = {},
): Promise<ListMetricsResponse> {
  return ask(connection, Dashboard.method.listMetrics, request, options);
}

/** A page of the series that match. */
export function listSeries(
  connection: Connection,
  request: MessageInitShape<typeof ListSeriesRequestSchema>,
  options: AskOptions = {},
): Promise<ListSeriesResponse> {
  return ask(connection, Dashboard.method.listSeries, request, options);
}

/** A page of the values of a tag, or of the keys of tags. */
export function listTagValues(
  connection: Connection,
  request: MessageInitShape<typeof ListTagValuesRequestSchema>,
  options: AskOptions = {},
): Promise<ListTagValuesResponse> {
  return ask(connection, Dashboard.method.listTagValues, request, options);
}

/** Resolves when the deletion is durable. */
export function deleteSeries(
  connection: Connection,
  request: MessageInitShape<typeof DeleteSeriesRequestSchema>,
  options: AskOptions = {},
): Promise<DeleteSeriesResponse> {
  return ask(connection, Dashboard.method.deleteSeries, request, options);
}
