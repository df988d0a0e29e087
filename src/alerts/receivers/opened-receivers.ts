/** Receivers as a configuration has them, opened and closed all at once. */
import type { ReceiverConfig } from "./receiver-config.ts";
import type { Receiver, ReceiverDeps } from "./receiver.ts";

/** Their code is late, since most servers tell nobody. */
export async function openedReceivers(configs: readonly ReceiverConfig[], deps: ReceiverDeps) {
  if (configs.length === 0) return new Map<string, readonly Receiver[]>();
  return (await import("./open-receivers.ts")).openReceivers(configs, deps);
}

export async function closeReceivers(receivers: ReadonlyMap<string, readonly Receiver[]>): Promise<void> {
  await Promise.allSettled([...receivers.values()].flat().map((receiver) => receiver.close()));
}
