/**
 * A Sparkplug host application without its connection: messages in; points, births and deaths of devices, and requests for rebirths
 * out. Pure: times are arguments. What it knows of a node it has from births since it was made, and from nothing else.
 */
import { messageOf, truncated } from "../../model/errors.ts";
import type { Payload } from "../../wire/gen/sparkplug/sparkplug_b_pb.ts";
import { readBirth, sessionOf, type Birth } from "./birth.ts";
import { EdgeNode, nodeKey, type EdgeDevice } from "./edge-node.ts";
import { HostOutput } from "./host-output.ts";
import { DEVICE_REBIRTH_MS, DEVICES_PER_NODE_MAX, METRICS_MAX, METRICS_PER_NODE_MAX, NODES_MAX } from "./limits.ts";
import { takeMetrics } from "./metric-points.ts";
import type { SparkplugOptions } from "./options.ts";
import { decodePayload, rebirthCommand, sequenceOf } from "./payload.ts";
import { Rebirths } from "./rebirths.ts";
import { commandTopic, parseTopic, type SparkplugTopic } from "./topic.ts";

export interface SparkplugMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** Wall clock, Unix milliseconds. */
  readonly receivedMs: number;
}

/** One message, or one tick, on its way through. */
interface Step {
  readonly output: HostOutput;
  readonly wallMs: number;
  /** Monotonic. */
  readonly nowMs: number;
}

type NodeTopic = Exclude<SparkplugTopic, { kind: "STATE" }>;

export class SparkplugHost {
  readonly #options: SparkplugOptions;
  readonly #nodes = new Map<string, EdgeNode>();
  readonly #rebirths = new Rebirths();
  /** Nodes of which messages are missing, or devices awaited. */
  readonly #timed = new Set<EdgeNode>();
  /** Which edge node a device was last born at. */
  readonly #owners = new Map<string, string>();
  #metrics = 0;

  constructor(options: SparkplugOptions) {
    this.#options = options;
  }

  get nodes(): ReadonlyMap<string, EdgeNode> {
    return this.#nodes;
  }

  /** Whether time alone will change something: {@link tick} is to be called about once a second. */
  get isWaiting(): boolean {
    return this.#timed.size > 0 || this.#rebirths.isWaiting;
  }

  /** Never throws, whatever the message. `nowMs`: monotonic. STATE messages and commands are passed over. */
  handle(message: SparkplugMessage, nowMs: number): HostOutput {
    const step = { output: new HostOutput(), wallMs: message.receivedMs, nowMs };
    const topic = parseTopic(message.topic);
    if (topic === undefined) step.output.malformed = "its topic is none of Sparkplug B";
    else if (topic.kind !== "STATE" && topic.kind !== "NCMD" && topic.kind !== "DCMD") this.#take(topic, message, step);
    return step.output;
  }

  tick(wallMs: number, nowMs: number): HostOutput {
    const step = { output: new HostOutput(), wallMs, nowMs };
    for (const node of this.#timed) {
      this.#noticeLoss(node, step);
      this.#noticeUnborn(node, step);
    }
    for (const key of this.#rebirths.due(nowMs)) {
      const node = this.#nodes.get(key);
      if (node !== undefined) this.#ask(node, step);
    }
    return step.output;
  }

  /** The connection to the broker was interrupted, so births may have been missed: all nodes are asked for theirs. */
  reconnected(wallMs: number, nowMs: number): HostOutput {
    const step = { output: new HostOutput(), wallMs, nowMs };
    for (const node of this.#nodes.values()) {
      node.forgetAliases();
      node.sequence.reset();
      if (node.state === "alive") this.#doubt(node, "the connection to the broker was interrupted", step);
    }
    return step.output;
  }

  #take(topic: NodeTopic, message: SparkplugMessage, step: Step): void {
    const { output } = step;
    // Births must not be retained: one that is may be of any session.
    if (message.retain) return output.leaveOut("retained");
    let payload: Payload;
    try {
      payload = decodePayload(message.payload);
    } catch (error) {
      output.malformed = messageOf(error);
      return;
    }
    const node = this.#nodeOf(topic);
    if (node === undefined) return output.leaveOut("too many nodes");
    node.messages++;
    node.lastMessageMs = message.receivedMs;
    this.#takePayload(node, topic, payload, step);
    node.points += output.points.length;
    node.historical += output.historical;
    node.unnamed += (output.leftOut.get("before birth") ?? 0) + (output.leftOut.get("unknown alias") ?? 0);
  }

  #takePayload(node: EdgeNode, topic: NodeTopic, payload: Payload, step: Step): void {
    switch (topic.kind) {
      case "NBIRTH":
        return this.#nodeBorn(node, payload, step);
      case "NDEATH":
        return this.#nodeDied(node, payload, step);
      case "NDATA":
        this.#checkOrder(node, payload, step);
        return this.#data(node, node, payload, step);
      case "DBIRTH":
        this.#checkOrder(node, payload, step);
        return this.#deviceBorn(node, topic.device, payload, step);
      case "DDEATH":
        this.#checkOrder(node, payload, step);
        return this.#deviceDied(node, topic.device, payload, step);
      case "DDATA": {
        this.#checkOrder(node, payload, step);
        const device = node.devices.get(topic.device) ?? node.newDevice(topic.device);
        return this.#data(node, device, payload, step);
      }
    }
  }

  #nodeBorn(node: EdgeNode, payload: Payload, step: Step): void {
    const { output, wallMs, nowMs } = step;
    const birth = readBirth(payload, node.tags);
    const session = sessionOf(payload);
    if (node.state === "alive" && session !== node.session && session !== undefined && node.session !== undefined) {
      const reason = `Sparkplug session ${session} began, and the end of session ${node.session} was not seen`;
      output.events.push({ kind: "death", device: node.name, timeMs: wallMs, reason });
      node.deaths++;
    }
    this.#metrics -= node.metrics;
    node.forgetDefinitions();
    node.sequence.begin(sequenceOf(payload) ?? 0);
    node.lastSentMs = payload.timestamp;
    for (const device of node.devices.values()) node.awaited.set(device, nowMs + DEVICE_REBIRTH_MS);
    node.state = "alive";
    node.session = session;
    node.births++;
    this.#rebirths.born(node.key);
    this.#define(node, node, birth, step);
    this.#watchTime(node);
    output.events.push({
      kind: "birth",
      device: node.name,
      timeMs: wallMs,
      reason: "Sparkplug NBIRTH",
      ...said(birth),
    });
    this.#noticeOwner(node.name, node, step);
    takeMetrics(payload, { source: node.key, tags: node.tags, definitions: node.definitions ?? birth }, output);
  }

  #nodeDied(node: EdgeNode, payload: Payload, { output, wallMs }: Step): void {
    const session = sessionOf(payload);
    const isOther = session !== undefined && node.session !== undefined && session !== node.session;
    if (node.state === "alive" && isOther) {
      node.staleDeaths++;
      return output.leaveOut("stale death");
    }
    // A node that leaves in order says so, and its will may say it again.
    if (node.state === "dead") return;
    this.#metrics -= node.metrics;
    node.forgetDefinitions();
    node.state = "dead";
    node.deaths++;
    node.sequence.reset();
    this.#timed.delete(node);
    this.#rebirths.born(node.key);
    output.events.push({ kind: "death", device: node.name, timeMs: wallMs, reason: "Sparkplug NDEATH" });
  }

  #deviceBorn(node: EdgeNode, id: string, payload: Payload, step: Step): void {
    const { output, wallMs } = step;
    const known = node.devices.get(id);
    if (known === undefined && node.devices.size >= DEVICES_PER_NODE_MAX) {
      output.notices.push(`edge node ${quoted(node.key)} has more than ${DEVICES_PER_NODE_MAX} devices`);
      return output.leaveOut("too many devices");
    }
    const device = known ?? node.newDevice(id);
    const birth = readBirth(payload, device.tags);
    const sender = { source: node.key, tags: device.tags, definitions: birth };
    takeMetrics(payload, sender, output);
    if (node.state !== "alive") this.#doubt(node, "a device's birth before that of its edge node", step);
    // Its session is over: this is late, and its aliases mean nothing.
    if (node.state === "dead") return;
    node.devices.set(id, device);
    device.bornMs = wallMs;
    node.awaited.delete(device);
    this.#define(node, device, birth, step);
    const parent = device.name === node.name ? {} : { parent: node.name };
    const event = { kind: "birth", device: device.name, timeMs: wallMs, reason: "Sparkplug DBIRTH" } as const;
    output.events.push({ ...event, ...parent, ...said(birth) });
    this.#noticeOwner(device.name, node, step);
  }

  #deviceDied(node: EdgeNode, id: string, payload: Payload, { output, wallMs }: Step): void {
    const device = node.devices.get(id) ?? node.newDevice(id);
    const wasKnown = this.#forgetDevice(node, device);
    if (!wasKnown && node.state !== "unknown") return;
    const parent = device.name === node.name ? {} : { parent: node.name };
    // As the device says, but neither before its birth nor in the future.
    const saidMs = Number(payload.timestamp) || wallMs;
    const timeMs = Math.min(Math.max(saidMs, device.bornMs), wallMs);
    output.events.push({ kind: "death", device: device.name, timeMs, reason: "Sparkplug DDEATH", ...parent });
  }

  #data(node: EdgeNode, sender: EdgeNode | EdgeDevice, payload: Payload, step: Step): void {
    const { definitions, tags } = sender;
    const doubt = takeMetrics(payload, { source: node.key, tags, definitions }, step.output);
    if (definitions === undefined) this.#doubt(node, "data before birth", step);
    else if (doubt !== undefined) this.#doubt(node, doubt, step);
  }

  #checkOrder(node: EdgeNode, payload: Payload, step: Step): void {
    const { sequence } = node;
    // Encoders of other versions of protobuf leave a zero out.
    const number = sequenceOf(payload) ?? (sequence.expected === 0 ? 0 : undefined);
    if (number === undefined) return;
    const arrival = sequence.take(number, step.nowMs);
    // A message that QoS 1 delivers again says the same time.
    if (arrival === "begun anew" || (arrival === "repeated" && payload.timestamp !== node.lastSentMs)) {
      node.forgetAliases();
      this.#lost(node, step);
    }
    node.lastSentMs = payload.timestamp;
    this.#noticeLoss(node, step);
  }

  #noticeLoss(node: EdgeNode, step: Step): void {
    if (node.sequence.isLost(step.nowMs)) this.#lost(node, step);
    this.#watchTime(node);
  }

  #lost(node: EdgeNode, step: Step): void {
    node.gaps++;
    this.#doubt(node, "a gap in the sequence numbers", step);
  }

  /** Devices that were there before their edge node was born again, and have not been since. */
  #noticeUnborn(node: EdgeNode, { output, wallMs, nowMs }: Step): void {
    for (const [device, untilMs] of node.awaited) {
      if (nowMs < untilMs) continue;
      this.#forgetDevice(node, device);
      const reason = "not born again after its Sparkplug edge node";
      output.events.push({ kind: "death", device: device.name, timeMs: wallMs, reason });
    }
    this.#watchTime(node);
  }

  #forgetDevice(node: EdgeNode, device: EdgeDevice): boolean {
    this.#metrics -= device.definitions?.byName.size ?? 0;
    this.#forgetOwner(device.name, node);
    node.awaited.delete(device);
    return node.devices.delete(device.id);
  }

  #forgetOwner(name: string, node: EdgeNode): void {
    if (this.#owners.get(name) === node.key) this.#owners.delete(name);
  }

  #watchTime(node: EdgeNode): void {
    if (node.awaited.size > 0 || node.sequence.dueMs < Infinity) this.#timed.add(node);
    else this.#timed.delete(node);
  }

  /** What the node sends cannot be taken for what it says until it is born again. */
  #doubt(node: EdgeNode, reason: string, step: Step): void {
    node.lastDoubt = reason;
    if (this.#options.asksForRebirths && this.#rebirths.want(node.key, step.nowMs)) this.#ask(node, step);
  }

  #ask(node: EdgeNode, { output, wallMs }: Step): void {
    node.rebirthsAsked++;
    const payload = rebirthCommand(wallMs);
    output.publications.push({ topic: commandTopic(node.group, node.id), payload, qos: 0, retain: false });
    output.notices.push(`edge node ${quoted(node.key)} is asked for its births: ${node.lastDoubt}`);
  }

  #define(node: EdgeNode, sender: EdgeNode | EdgeDevice, birth: Birth, { output }: Step): void {
    const before = sender.definitions?.byName.size ?? 0;
    const after = node.metrics - before + birth.byName.size;
    const total = this.#metrics - before + birth.byName.size;
    if (after > METRICS_PER_NODE_MAX || total > METRICS_MAX) {
      output.leaveOut("too many metrics");
      output.notices.push(
        `edge node ${quoted(node.key)} has ${after} metrics, all together ${total}; wanted at most ${METRICS_PER_NODE_MAX} and ${METRICS_MAX}`,
      );
      return;
    }
    this.#metrics = total;
    sender.definitions = { byName: birth.byName, byAlias: birth.byAlias };
  }

  /** Ids of devices may repeat between edge nodes: two would be one device. */
  #noticeOwner(name: string, node: EdgeNode, { output }: Step): void {
    const owner = this.#owners.get(name);
    this.#owners.set(name, node.key);
    if (owner === undefined || owner === node.key || this.#nodes.get(owner)?.state !== "alive") return;
    output.notices.push(
      `device ${quoted(name)} is at edge nodes ${quoted(owner)} and ${quoted(node.key)}; ` +
        `device_names = "full" keeps them apart`,
    );
  }

  #nodeOf({ group, node: id }: NodeTopic): EdgeNode | undefined {
    const key = nodeKey(group, id);
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    if (this.#nodes.size >= NODES_MAX && !this.#forgetOne()) return undefined;
    const node = new EdgeNode(group, id, this.#options.reorderMs, this.#options.deviceNames);
    this.#nodes.set(key, node);
    return node;
  }

  /** Room for a node that is new: one that was never born goes first. */
  #forgetOne(): boolean {
    for (const state of ["unknown", "dead"] as const) {
      for (const node of this.#nodes.values()) {
        if (node.state !== state) continue;
        this.#metrics -= node.metrics;
        this.#nodes.delete(node.key);
        this.#timed.delete(node);
        this.#rebirths.forget(node.key);
        for (const { name } of [node, ...node.devices.values()]) this.#forgetOwner(name, node);
        return true;
      }
    }
    return false;
  }
}

/** What a birth says of the device, beside that it is there. */
function said({ sensors, model, firmware, properties }: Birth) {
  return {
    sensors,
    ...(model === undefined ? {} : { model }),
    ...(firmware === undefined ? {} : { firmware }),
    ...(properties.size === 0 ? {} : { properties }),
  };
}

function quoted(text: string): string {
  return JSON.stringify(truncated(text, 100));
}
