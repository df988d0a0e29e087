/** Webhooks that take everything at once, without a network; and what they were told, in order. */
import { spyOn } from "bun:test";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import type { NotifySetup } from "../../src/alerts/nobody.ts";
import type { AlertsRig } from "./rig.ts";

export interface ToldAlert {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Told {
  readonly atMs: number;
  readonly receiver: string;
  readonly status: string;
  readonly alerts: readonly ToldAlert[];
  /** That it may be there already. */
  readonly isRepeated: boolean;
}

export class Webhooks implements Disposable {
  readonly told: Told[] = [];
  readonly #rig: AlertsRig;
  readonly #spy;

  constructor(rig: AlertsRig) {
    this.#rig = rig;
    const take = async (_url: unknown, init?: { body?: unknown; headers?: Record<string, string> }) => {
      const { receiver, status, alerts } = JSON.parse(String(init?.body)) as Told;
      const isRepeated = new Headers(init?.headers).has("x-watchpost-repeated");
      this.told.push({ atMs: rig.clock.nowMs(), receiver, status, alerts, isRepeated });
      return new Response("");
    };
    this.#spy = spyOn(globalThis, "fetch").mockImplementation(take as typeof fetch);
  }

  [Symbol.dispose](): void {
    this.#spy.mockRestore();
  }

  /** Lets time pass, from timer to timer: whatever is done at one is done before the next. */
  async pass(ms: number): Promise<void> {
    const { clock } = this.#rig;
    const endMs = clock.monotonicMs() + ms;
    for (;;) {
      await rest();
      const stepMs = Math.max(0, clock.dueInMs);
      if (clock.monotonicMs() + stepMs > endMs) break;
      clock.advance(stepMs);
    }
    clock.advance(endMs - clock.monotonicMs());
    await rest();
  }
}

/** Receivers by these names, a webhook each. */
export function webhookSetup(names: readonly string[], sections: object): NotifySetup {
  const receivers = names.map((name) => ({ name, webhook: { url: `http://${name}.test/` } }));
  return notifySetupOf({ receivers, ...sections }, {});
}

/** Whatever waits for nothing but its turn is done. */
async function rest(): Promise<void> {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
}
