/** How the points of sources come that other nodes forward; asked for while a chart has gaps. */
import { signal } from "@preact/signals";
import { ingestionApi } from "../api.ts";
import { deliveriesOf } from "./delivery-map.ts";
import type { SourceDelivery } from "./gaps.ts";

const READ_EVERY_MS = 30_000;

export const deliveries = signal<ReadonlyMap<string, SourceDelivery>>(new Map());

let wanting = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** For as long as nobody calls what it returns. */
export function wantDeliveries(): () => void {
  wanting++;
  if (timer === undefined) {
    timer = setInterval(() => !document.hidden && void read(), READ_EVERY_MS);
    void read();
  }
  return () => {
    wanting--;
    if (wanting > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

async function read(): Promise<void> {
  try {
    deliveries.value = deliveriesOf((await ingestionApi.getDelivery({})).origins);
  } catch {
    // A gap stays what it was taken for; it is asked again.
  }
}
