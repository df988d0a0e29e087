/** Annotations beside the values of `GET /live`: those on the charts of its metrics and filters, as they change. */
import { create, toJson, type MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import {
  AnnotationEventSchema,
  WatchAnnotationsRequestSchema,
  type AnnotationFilterSchema,
} from "../wire/gen/annotations_pb.ts";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import type { MetricSubscription } from "../wire/gen/dashboard_pb.ts";
import type { CallContext, MethodImpl } from "../wire/service.ts";

/**
 * An event each, with its cursor as id: a browser that connects again says the last one in the header Last-Event-ID, and it
 * goes on behind that where it can.
 */
export async function* liveAnnotations(
  { metricNames, filters }: MetricSubscription,
  methods: readonly MethodImpl[],
  context: CallContext,
): AsyncGenerator<string, void> {
  const watch = methods.find(({ method }) => method === Collaboration.method.watchAnnotations);
  if (watch === undefined) throw new WatchpostError("UNIMPLEMENTED", "this server has no annotations");
  const run = watch.run as (request: unknown, context: CallContext) => AsyncIterable<never>;
  const filter = filterOf(metricNames, filters);
  const events = (cursor: string) => run(create(WatchAnnotationsRequestSchema, { filter, cursor }), context);
  const cursor = context.headers.get("last-event-id") ?? "";
  try {
    for await (const event of events(cursor)) yield eventOf(event);
  } catch (error) {
    const isOfCursor =
      error instanceof WatchpostError && (error.status === "OUT_OF_RANGE" || error.status === "INVALID_ARGUMENT");
    if (cursor === "" || !isOfCursor) throw error;
    for await (const event of events("")) yield eventOf(event);
  }
}

/** "*" is no name that a chart has: it shows everything. */
function filterOf(
  metricNames: readonly string[],
  filters: Readonly<Record<string, string>>,
): MessageInitShape<typeof AnnotationFilterSchema> {
  const { source = "", device = "", metric: _, ...seriesTags } = filters;
  const metric = metricNames.includes("*") ? "" : metricNames.join("|");
  return { metric, source, device, seriesTags };
}

function eventOf(init: MessageInitShape<typeof AnnotationEventSchema>): string {
  const event = create(AnnotationEventSchema, init);
  const id = event.cursor === "" ? "" : `id: ${event.cursor}\n`;
  return `event: annotation\n${id}data: ${JSON.stringify(toJson(AnnotationEventSchema, event))}\n\n`;
}
