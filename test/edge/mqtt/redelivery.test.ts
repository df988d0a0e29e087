/** What a broker sends again after a lost connection: told from what is new. */
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import mqttPacket from "mqtt-packet";
import { rawServer } from "../../alerts/receivers/rig.ts";
import { Mosquitto, mosquittoMissing } from "../../support/mosquitto.ts";
import { testNeeding } from "../../support/needs.ts";
import { connectClient, startBridge, until, type BridgeRig } from "./bridge-rig.ts";

const testWithBroker = testNeeding([mosquittoMissing()]);
const TOPICS = `[[topics]]
pattern = "f/{source}/{device}/{metric}"
`;
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const values = ({ stored }: BridgeRig) => stored.map(({ value }) => value);

for (const version of ["5", "3.1.1"] as const) {
  testWithBroker(
    `a broker that did not read the acknowledgements is told them again: one point (${version})`,
    async () => {
      await using broker = await Mosquitto.start();
      await using client = await connectClient(broker.url);
      let isDeaf = true;
      const protocolVersion = version === "5" ? 5 : 4;
      using between = await rawServer(
        () => {},
        (socket) => {
          const onward = connect(broker.port, "127.0.0.1");
          onward.on("error", () => socket.destroy());
          onward.on("close", () => socket.destroy());
          socket.on("close", () => onward.destroy());
          onward.pipe(socket);
          const parser = mqttPacket.parser({ protocolVersion });
          parser.on("packet", (packet: mqttPacket.Packet) => {
            const isLost = isDeaf && (packet.cmd === "puback" || packet.cmd === "pingreq");
            if (!isLost) onward.write(mqttPacket.generate(packet, { protocolVersion }));
          });
          socket.on("data", (data) => void parser.parse(Buffer.from(data)));
        },
      );
      await using rig = startBridge(`mqtt://127.0.0.1:${between.port}`, `version = "${version}"\n${TOPICS}`);
      await until(() => rig.bridge.isConnected);
      for (const i of upTo(20)) await client.send("f/a/d/m", String(i));
      await until(() => rig.stored.length === 20 && rig.bridge.inFlight === 0);
      isDeaf = false;
      for (const socket of between.open) socket.destroy();
      await until(() => rig.bridge.connects === 2);
      await client.send("f/a/d/m", "20");
      await until(() => values(rig).at(-1) === 20 && rig.bridge.inFlight === 0);
      expect(values(rig)).toEqual(upTo(21));
      // They were acknowledged again: nothing comes a third time.
      for (const socket of between.open) socket.destroy();
      await until(() => rig.bridge.connects === 3);
      await client.send("f/a/d/m", "21");
      await until(() => values(rig).at(-1) === 21);
      expect([values(rig), rig.bridge.counts[0].messages]).toEqual([upTo(22), 22]);
    },
  );
}

test("the connection is closed once the broker has read the acknowledgements, however long that takes it", async () => {
  const read: string[] = [];
  const speak = (socket: Socket) => {
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    const answer = (packet: mqttPacket.Packet) => socket.write(mqttPacket.generate(packet, { protocolVersion: 4 }));
    parser.on("packet", (packet: mqttPacket.Packet) => {
      if (packet.cmd === "connect") answer({ cmd: "connack", returnCode: 0, sessionPresent: false });
      if (packet.cmd === "subscribe") {
        answer({ cmd: "suback", messageId: packet.messageId!, granted: [1] });
        answer({ cmd: "publish", topic: "f/a/d/m", payload: "7", qos: 1, messageId: 1, dup: false, retain: false });
      }
      if (packet.cmd === "pingreq") {
        setTimeout(() => {
          read.push("answer");
          answer({ cmd: "pingresp" });
        }, 200);
      }
      if (packet.cmd === "puback" || packet.cmd === "disconnect") read.push(packet.cmd);
    });
    socket.on("data", (data) => void parser.parse(Buffer.from(data)));
    socket.on("close", () => read.push("close"));
  };
  using broker = await rawServer(() => {}, speak);
  const rig = startBridge(`mqtt://127.0.0.1:${broker.port}`, `version = "3.1.1"\n${TOPICS}`);
  await until(() => rig.stored.length === 1);
  await rig.bridge.close(60_000);
  await until(() => read.includes("close"));
  expect(read).toEqual(["puback", "answer", "disconnect", "close"]);
});

interface Scene {
  /** Of each connection, what the broker sends once it is subscribed to. */
  readonly sent: readonly (readonly Sent[])[];
  /** The connection is cut once the broker has read so many of these. */
  readonly cutAfter: "puback" | "pingreq";
}

interface Sent {
  readonly id: number;
  readonly payload: string;
  readonly dup?: boolean;
}

/** A broker that goes by a script, and keeps the session. */
async function scripted({ sent, cutAfter }: Scene) {
  let connections = 0;
  const acknowledged: number[][] = [];
  const speak = (socket: Socket) => {
    const own = connections++;
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    const answer = (packet: mqttPacket.Packet) => socket.write(mqttPacket.generate(packet, { protocolVersion: 4 }));
    acknowledged[own] = [];
    parser.on("packet", (packet: mqttPacket.Packet) => {
      if (packet.cmd === "connect") answer({ cmd: "connack", returnCode: 0, sessionPresent: own > 0 });
      if (packet.cmd === "puback") acknowledged[own].push(packet.messageId!);
      if (packet.cmd === "pingreq") answer({ cmd: "pingresp" });
      if (packet.cmd === "subscribe") {
        answer({ cmd: "suback", messageId: packet.messageId!, granted: [1] });
        for (const { id, payload, dup = false } of sent[own] ?? []) {
          answer({ cmd: "publish", topic: "f/a/d/m", payload, qos: 1, messageId: id, dup, retain: false });
        }
      }
      // What is sent behind its answer, the answer included, is read.
      if (packet.cmd === cutAfter && own < sent.length - 1) setTimeout(() => socket.destroy(), 20);
    });
    socket.on("data", (data) => void parser.parse(Buffer.from(data)));
  };
  const server = await rawServer(() => {}, speak);
  return { url: `mqtt://127.0.0.1:${server.port}`, acknowledged, [Symbol.dispose]: () => server[Symbol.dispose]() };
}

test("a broker without subscription identifiers is asked for none, and what it sends is taken as it comes", async () => {
  const subscribed: unknown[] = [];
  const speak = (socket: Socket) => {
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    const answer = (packet: mqttPacket.Packet) => socket.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
    parser.on("packet", (packet: mqttPacket.Packet) => {
      const properties = { subscriptionIdentifiersAvailable: false };
      if (packet.cmd === "connect") answer({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties });
      if (packet.cmd !== "subscribe") return;
      subscribed.push([packet.subscriptions.map(({ topic }) => topic), packet.properties?.subscriptionIdentifier]);
      answer({ cmd: "suback", messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) });
      answer({ cmd: "publish", topic: "a/b", payload: "1", qos: 1, messageId: 1, dup: false, retain: false });
    });
    socket.on("data", (data) => void parser.parse(Buffer.from(data)));
  };
  using broker = await rawServer(() => {}, speak);
  const topics = ["a/{device}", "{device}/b"].map((each) => `[[topics]]\npattern = "${each}"\nmetric = "m"\n`).join("");
  await using rig = startBridge(`mqtt://127.0.0.1:${broker.port}`, topics);
  await until(() => rig.stored.length === 1);
  expect(subscribed).toEqual([[["a/+", "+/b"], undefined]]);
});

test("the same id with another message is a new one, also where it is sent as a repetition", async () => {
  const sent = [[{ id: 1, payload: "1" }], [{ id: 1, payload: "2", dup: true }]];
  using broker = await scripted({ sent, cutAfter: "puback" });
  await using rig = startBridge(broker.url, `version = "3.1.1"\n${TOPICS}`);
  await until(() => rig.stored.length === 2 && broker.acknowledged[1]?.length === 1);
  expect([values(rig), broker.acknowledged]).toEqual([
    [1, 2],
    [[1], [1]],
  ]);
});

test("what the broker was told before it answered a ping it does not send again: an equal message is a new one", async () => {
  const sent = [[{ id: 1, payload: "7" }], [{ id: 1, payload: "7", dup: true }]];
  using broker = await scripted({ sent, cutAfter: "pingreq" });
  await using rig = startBridge(broker.url, `version = "3.1.1"\n${TOPICS}`);
  await until(() => rig.stored.length === 2 && broker.acknowledged[1]?.length === 1);
  expect([values(rig), broker.acknowledged]).toEqual([
    [7, 7],
    [[1], [1]],
  ]);
});

test("a repetition of what was acknowledged just before the connection was lost is acknowledged, and no second point", async () => {
  const sent = [
    [{ id: 1, payload: "7" }],
    [
      { id: 1, payload: "7", dup: true },
      { id: 2, payload: "8" },
    ],
  ];
  using broker = await scripted({ sent, cutAfter: "puback" });
  await using rig = startBridge(broker.url, `version = "3.1.1"\n${TOPICS}`);
  await until(() => broker.acknowledged[1]?.length === 2);
  expect([values(rig), broker.acknowledged]).toEqual([
    [7, 8],
    [[1], [1, 2]],
  ]);
});
