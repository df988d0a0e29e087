/** What is known of one Sparkplug edge node: its session, its devices, and how it went so far. */
import type { Definitions, Tags } from "./birth.ts";
import type { DeviceNames } from "./options.ts";
import { Sequence } from "./sequence.ts";

export interface EdgeDevice {
  readonly id: string;
  /** As its points are tagged. */
  readonly name: string;
  readonly tags: Tags;
  /** Missing: its birth was not seen in this session. */
  definitions: Definitions | undefined;
  bornMs: number;
}

export class EdgeNode {
  readonly group: string;
  readonly id: string;
  /** Source of its points. */
  readonly key: string;
  readonly name: string;
  readonly tags: Tags;
  readonly sequence: Sequence;
  /** Those that were born and have not died by themselves: they are born again when it is. */
  readonly devices = new Map<string, EdgeDevice>();
  /** Of these, those that were not born again after it, and until when they may be: monotonic. */
  readonly awaited = new Map<EdgeDevice, number>();
  readonly #names: DeviceNames;

  /** "unknown": heard of, but neither its birth nor its death. */
  state: "unknown" | "alive" | "dead" = "unknown";
  /** bdSeq of the birth. */
  session: bigint | undefined;
  definitions: Definitions | undefined;

  births = 0;
  deaths = 0;
  staleDeaths = 0;
  gaps = 0;
  rebirthsAsked = 0;
  lastDoubt: string | undefined;
  messages = 0;
  points = 0;
  historical = 0;
  /** Metrics that could not be named, since no birth told their aliases. */
  unnamed = 0;
  lastMessageMs = 0;
  /** What the last message says. */
  lastSentMs = 0n;

  constructor(group: string, id: string, reorderMs: number, names: DeviceNames) {
    this.group = group;
    this.id = id;
    this.key = nodeKey(group, id);
    this.#names = names;
    this.name = names === "full" ? this.key : id;
    this.tags = [
      ["device", this.name],
      ["group", group],
    ];
    this.sequence = new Sequence(reorderMs);
  }

  get metrics(): number {
    let metrics = this.definitions?.byName.size ?? 0;
    for (const { definitions } of this.devices.values()) metrics += definitions?.byName.size ?? 0;
    return metrics;
  }

  newDevice(id: string): EdgeDevice {
    const name = this.#names === "full" ? `${this.key}/${id}` : id;
    const tags: Tags = [
      ["device", name],
      ["group", this.group],
    ];
    return { id, name, tags, definitions: undefined, bornMs: 0 };
  }

  /** Its session is over: aliases mean nothing any more. */
  forgetDefinitions(): void {
    this.definitions = undefined;
    for (const device of this.devices.values()) device.definitions = undefined;
  }

  /** Births may have been missed: what names itself is still what it says, aliases need not be. */
  forgetAliases(): void {
    const named = (definitions: Definitions | undefined) => definitions && { ...definitions, byAlias: new Map() };
    this.definitions = named(this.definitions);
    for (const device of this.devices.values()) device.definitions = named(device.definitions);
  }
}

export function nodeKey(group: string, id: string): string {
  return `${group}/${id}`;
}
