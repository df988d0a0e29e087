/** Devices that say by themselves that they are there or leave: MQTT wills, Sparkplug births and deaths, other nodes. */

/** What a device says of one of its sensors. What is missing is not known. */
export interface AnnouncedSensor {
  readonly metric: string;
  readonly unit?: string;
  readonly description?: string;
}

export interface DeviceEvent {
  readonly kind: "birth" | "death";
  /** As the tag "device" of its points names it, or else their source. */
  readonly device: string;
  /** The device that it is reached through; it is never the device itself. Missing: as it was. Who dies takes its children along. */
  readonly parent?: string;
  /** Unix milliseconds; never later than now by this server's clock. */
  readonly timeMs: number;
  /** For people: "Sparkplug NDEATH", "last will". */
  readonly reason: string;
  /** Of a birth that lists them: all there are. */
  readonly sensors?: readonly AnnouncedSensor[];
  readonly model?: string;
  readonly firmware?: string;
  /** Anything else it says of itself, by name; bounded in number and length by who makes the event. */
  readonly properties?: ReadonlyMap<string, string>;
}

/** In the order in which they happened. Resolves once what comes of the event is durable; never rejects. */
export type OnDeviceEvent = (event: DeviceEvent) => Promise<void>;
