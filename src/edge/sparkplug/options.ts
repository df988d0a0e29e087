/** How Sparkplug messages are taken. */

/** "short": a device is called by its id, an edge node by its own; "full": group/node/device, where ids repeat between edge nodes. */
export type DeviceNames = "short" | "full";

export interface SparkplugOptions {
  /** How long a message that is missing may come late. 0: the broker keeps the order. */
  readonly reorderMs: number;
  readonly deviceNames: DeviceNames;
  /** False: nothing is ever published, so that what has an unknown alias stays unknown until the node is born by itself. */
  readonly asksForRebirths: boolean;
}

export interface SparkplugSettings extends SparkplugOptions {
  /** Of a primary host application, which edge nodes may wait for; undefined: it is none, and publishes no STATE. */
  readonly hostId: string | undefined;
}
