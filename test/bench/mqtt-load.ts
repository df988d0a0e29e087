/**
 * `bun mqtt-load.ts CONFIG`: MQTT over a bare socket, so that what is measured is the broker. "publish": sends messages with QoS 1,
 * so many unacknowledged ones at a time; "subscribe": acknowledges what comes. A line of JSON when it is ready, one at the end.
 */
import mqttPacket from "mqtt-packet";

export interface MqttLoadConfig {
  readonly kind: "publish" | "subscribe";
  readonly port: number;
  readonly clientId: string;
  readonly messages: number;
  /** Of the first message; each is a millisecond later than the one before. */
  readonly startMs: number;
}

export const MQTT_FILTER = "bench/#";
const WINDOW = 5_000;
const BATCH = 250;
const DEVICES = 100;
const [PUBACK, PUBLISH] = [4, 3];

if (import.meta.main) await run(JSON.parse(process.argv[2]) as MqttLoadConfig);

async function run({ kind, port, clientId, messages, startMs }: MqttLoadConfig): Promise<void> {
  const over = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<void>();
  let [sent, answered] = [0, 0];
  let rest: Buffer = Buffer.alloc(0);
  let unwritten: Buffer = Buffer.alloc(0);
  const write = (bytes: Buffer) => {
    unwritten = unwritten.length === 0 ? bytes : Buffer.concat([unwritten, bytes]);
    const written = socket.write(unwritten);
    unwritten = unwritten.subarray(Math.max(written, 0));
  };
  const publish = () => {
    while (unwritten.length === 0 && sent < messages && sent - answered < WINDOW) {
      const count = Math.min(BATCH, messages - sent);
      const packets = Array.from({ length: count }, (_, i) => publication(sent + i, startMs + sent + i));
      sent += count;
      write(Buffer.concat(packets));
    }
  };
  const onPackets = (data: Buffer) => {
    const bytes = rest.length === 0 ? data : Buffer.concat([rest, data]);
    const acks: Buffer[] = [];
    let at = 0;
    for (let end = packetEnd(bytes, at); end > 0; end = packetEnd(bytes, at)) {
      const type = bytes[at] >> 4;
      if (type === PUBACK) answered++;
      else if (type === PUBLISH) {
        answered++;
        acks.push(Buffer.concat([Buffer.of(PUBACK << 4, 2), messageIdOf(bytes, at)]));
      } else ready.resolve();
      at = end;
    }
    rest = Buffer.from(bytes.subarray(at));
    if (acks.length > 0) write(Buffer.concat(acks));
    if (kind === "publish") publish();
    if (answered === messages) over.resolve();
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, data) => onPackets(data),
      drain() {
        write(Buffer.alloc(0));
        if (kind === "publish") publish();
      },
      close: () => over.reject(new Error("the broker closed the connection")),
    },
  });
  write(
    Buffer.from(
      mqttPacket.generate({
        cmd: "connect",
        clientId,
        keepalive: 600,
        clean: true,
        protocolId: "MQTT",
        protocolVersion: 4,
      }),
    ),
  );
  await ready.promise;
  if (kind === "subscribe") {
    const subscriptions = [{ topic: MQTT_FILTER, qos: 1 as const }];
    write(Buffer.from(mqttPacket.generate({ cmd: "subscribe", messageId: 1, subscriptions })));
  }
  console.log(JSON.stringify({ ready: true }));
  const beganMs = performance.now();
  if (kind === "publish") publish();
  await over.promise;
  console.log(JSON.stringify({ seconds: (performance.now() - beganMs) / 1_000 }));
  process.exit(0);
}

function publication(index: number, timeMs: number): Buffer {
  const topic = `bench/line-${index % 10}/device-${index % DEVICES}/env`;
  const payload = `{"ts":${timeMs},"temperature":${(20 + (index % 1_000) / 100).toFixed(2)}}`;
  const messageId = (index % 65_535) + 1;
  const length = 2 + topic.length + 2 + payload.length;
  if (length > 127) throw new Error(`a message of ${length} bytes; wanted one whose length takes a byte`);
  const packet = Buffer.allocUnsafe(2 + length);
  packet[0] = (PUBLISH << 4) | 2;
  packet[1] = length;
  packet.writeUInt16BE(topic.length, 2);
  packet.write(topic, 4, "latin1");
  packet.writeUInt16BE(messageId, 4 + topic.length);
  packet.write(payload, 6 + topic.length, "latin1");
  return packet;
}

/** 0: it is not whole yet. Of packets whose length takes one byte. */
function packetEnd(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return 0;
  const end = at + 2 + bytes[at + 1];
  return end <= bytes.length ? end : 0;
}

function messageIdOf(bytes: Buffer, at: number): Buffer {
  const after = at + 4 + bytes.readUInt16BE(at + 2);
  return bytes.subarray(after, after + 2);
}
