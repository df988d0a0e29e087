/** How the points of sources come that other nodes forward; asked for while a chart has gaps. */
import { signal } from "@preact/signals";
import { ingestionApi } from "../api.ts";
import { deliveriesOf } from "./delivery-map.ts";
import type { SourceDelivery } from "./gaps.ts";
import { poll } from "./poll.ts";

const READ_EVERY_MS = 30_000;

export const deliveries = signal<ReadonlyMap<string, SourceDelivery>>(new Map());

let wanting = 0;
let asking: AbortController | undefined;

/** For as long as nobody calls what it returns. */
export function wantDeliveries(): () => void {
  wanting++;
  if (asking === undefined) {
    asking = new AbortController();
    poll({
      ask: (signal) => ingestionApi.getDelivery({}, { signal }),
      onAnswer: ({ origins }) => (deliveries.value = deliveriesOf(origins)),
      // A gap stays what it was taken for.
      onFailure: () => {},
      ...{ everyMs: READ_EVERY_MS, signal: asking.signal, page: document },
    });
  }
  return () => {
    wanting--;
    if (wanting > 0) return;
    asking?.abort();
    asking = undefined;
  };
}
