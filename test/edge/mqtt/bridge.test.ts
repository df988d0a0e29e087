/** A bridge on Debian's mosquitto: what is acknowledged when, and what it does about connections. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import mqttPacket from "mqtt-packet";
import { WatchpostError } from "../../../src/model/errors.ts";
import { rawServer, selfSigned } from "../../alerts/receivers/rig.ts";
import { Mosquitto, mosquittoMissing } from "../../support/mosquitto.ts";
import { testNeeding } from "../../support/needs.ts";
import { connectClient, startBridge, until, type BridgeRig } from "./bridge-rig.ts";

const testWithBroker = testNeeding([mosquittoMissing()]);
const TOPICS = `[[topics]]
pattern = "f/{source}/{device}/{metric}"
`;

function values({ stored }: BridgeRig): number[] {
  return stored.map(({ value }) => value);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

for (const version of ["5", "3.1.1"]) {
  const settings = `version = "${version}"\nclient_id = "bridge"\n${TOPICS}`;

  testWithBroker(
    `what is not stored is not acknowledged: it comes again, in order, and once stored never (${version})`,
    async () => {
      await using broker = await Mosquitto.start();
      await using client = await connectClient(broker.url);
      const first = startBridge(broker.url, settings);
      first.gate = () => new Promise(() => {});
      await until(() => first.bridge.isConnected);
      for (const i of upTo(50)) await client.send("f/a/d/m", String(i));
      await until(() => first.bridge.inFlight === 50);
      await first.kill();
      for (const i of upTo(50)) await client.send("f/a/d/m", String(50 + i));

      await using second = startBridge(broker.url, settings);
      await until(() => second.stored.length >= 100);
      expect(values(second)).toEqual(upTo(100));
      await second.bridge.close(1_000);

      await using third = startBridge(broker.url, settings);
      await until(() => third.bridge.isConnected);
      await client.send("f/a/d/m", "100");
      await until(() => third.stored.length > 0);
      expect(values(third)).toEqual([100]);
    },
  );

  testWithBroker(`while nothing can be stored the broker is held back, and nothing is lost (${version})`, async () => {
    await using broker = await Mosquitto.start();
    await using client = await connectClient(broker.url);
    await using rig = startBridge(broker.url, `in_flight_max = 10\nkeepalive = "1s"\n${settings}`);
    await until(() => rig.bridge.isConnected);
    let failures = 0;
    rig.gate = async () => {
      failures++;
      throw new WatchpostError("RESOURCE_EXHAUSTED", "no memory", { retryAfterMs: 50 });
    };
    for (const i of upTo(200)) await client.send("f/a/d/m", String(i));
    // Longer than a broker waits that hears nothing: one and a half of the keepalive.
    const sinceMs = performance.now();
    await until(() => performance.now() - sinceMs > 3_500 && failures > 3);
    expect([rig.bridge.inFlight, values(rig), rig.bridge.connects]).toEqual([10, [], 1]);
    rig.gate = async () => {};
    await until(() => rig.stored.length >= 200);
    expect(values(rig)).toEqual(upTo(200));
    expect(rig.told.filter((sentence) => sentence.includes("cannot be stored")).length).toBe(1);
  });
}

testWithBroker(
  "what comes again because the connection was lost is one point, also without a time of its own",
  async () => {
    await using broker = await Mosquitto.start();
    await using client = await connectClient(broker.url);
    const relay = (socket: Socket) => {
      const onward = connect(broker.port, "127.0.0.1");
      onward.on("error", () => socket.destroy());
      onward.on("close", () => socket.destroy());
      socket.on("close", () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    };
    using between = await rawServer(() => {}, relay);
    await using rig = startBridge(`mqtt://127.0.0.1:${between.port}`, TOPICS);
    await until(() => rig.bridge.isConnected);
    const open = Promise.withResolvers<void>();
    rig.gate = () => open.promise;
    for (const i of upTo(20)) await client.send("f/a/d/m", String(i));
    await until(() => rig.bridge.inFlight === 20);
    for (const socket of between.open) socket.destroy();
    await until(() => rig.bridge.connects === 2 && rig.bridge.inFlight === 40);
    await client.send("f/a/d/m", "20");
    open.resolve();
    await until(() => rig.stored.length >= 21 && rig.bridge.inFlight === 0);
    expect(values(rig)).toEqual(upTo(21));
  },
);

testWithBroker("what somebody subscribed to with QoS 2 under our name is taken, too", async () => {
  await using broker = await Mosquitto.start();
  await using client = await connectClient(broker.url);
  {
    await using before = await connectClient(broker.url, { clientId: "bridge", clean: false });
    await before.client.subscribeAsync("f/#", { qos: 2 });
  }
  for (const i of upTo(5)) await client.client.publishAsync("f/a/d/m", String(i), { qos: 2 });
  await using rig = startBridge(broker.url, `version = "3.1.1"\nclient_id = "bridge"\n${TOPICS}`);
  await until(() => rig.stored.length >= 5);
  await client.send("f/a/d/m", "5");
  await until(() => rig.stored.length >= 6);
  expect(values(rig)).toEqual(upTo(6));
});

testWithBroker("over WebSockets", async () => {
  await using broker = await Mosquitto.start();
  // A listener for them of Debian's mosquitto does not open in every container.
  const paths: string[] = [];
  using server = Bun.serve<{ onward?: Socket }, never>({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, it) {
      paths.push(new URL(request.url).pathname);
      it.upgrade(request, { data: {}, headers: { "sec-websocket-protocol": "mqtt" } });
    },
    websocket: {
      open(socket) {
        socket.data.onward = connect(broker.port, "127.0.0.1").on(
          "data",
          (data) => void socket.sendBinary(Buffer.from(data)),
        );
      },
      message: (socket, message) => void socket.data.onward!.write(message),
      close: (socket) => void socket.data.onward!.destroy(),
    },
  });
  await using rig = startBridge(`ws://127.0.0.1:${server.port}/mqtt`, TOPICS);
  await until(() => rig.bridge.isConnected);
  await using client = await connectClient(broker.url);
  for (const i of upTo(100)) await client.send("f/a/d/m", String(i));
  await until(() => rig.stored.length === 100);
  expect([values(rig), paths]).toEqual([upTo(100), ["/mqtt"]]);
});

testWithBroker("a broker that restarts is found again, and what was published meanwhile comes", async () => {
  await using broker = await Mosquitto.start();
  await using rig = startBridge(broker.url, TOPICS);
  await until(() => rig.bridge.isConnected);
  await broker.stop();
  await until(() => !rig.bridge.isConnected);
  expect(rig.bridge.lastError).not.toBe("");
  await broker.start();
  await using client = await connectClient(broker.url);
  await client.send("f/a/d/m", "1");
  // What the broker kept may come before it has answered that the topics are subscribed to.
  await until(() => rig.stored.length === 1 && rig.bridge.isConnected);
  expect([values(rig), rig.bridge.connects]).toEqual([[1], 2]);
  expect(rig.told.filter((sentence) => sentence.startsWith("MQTT: no connection to plant: ")).length).toBeGreaterThan(
    0,
  );
});

testWithBroker(
  "a will that is not meant is not published: on and off are said by ourselves; one that is, is",
  async () => {
    await using broker = await Mosquitto.start();
    await using client = await connectClient(broker.url);
    const states: string[] = [];
    client.client.on("message", (_, payload) => void states.push(payload.toString()));
    await client.client.subscribeAsync("w/state", { qos: 1 });
    const will = `[mqtt.plant.will]\ntopic = "w/state"\nonline = "here"\npayload = "gone"\n${TOPICS}`;
    {
      await using rig = startBridge(broker.url, will);
      await until(() => rig.bridge.isConnected && states.length === 1);
    }
    await until(() => states.length === 2);
    // Another client takes over its name: the broker publishes the will of who is thrown out.
    await using rig = startBridge(broker.url, `client_id = "same"\n${will}`);
    await until(() => states.length === 3);
    await using other = await connectClient(broker.url, { clientId: "same", protocolVersion: 5 });
    await until(() => states.length === 4 && !rig.bridge.isConnected);
    expect(states).toEqual(["here", "gone", "here", "gone"]);
    expect(rig.bridge.lastError).toContain("does another client use the same client_id?");
    expect(other.client.connected).toBe(true);
  },
);

testWithBroker("TLS and logins: a wrong password is said and tried again, a changed file is read again", async () => {
  const users = (directory: string) => {
    writeFileSync(`${directory}/users`, "device:pa ss/wörd\n");
    Bun.spawnSync(["mosquitto_passwd", "-U", `${directory}/users`]);
    return ["allow_anonymous false", `password_file ${directory}/users`];
  };
  const listener = (directory: string) => {
    const { key, cert } = selfSigned(directory);
    return [`certfile ${cert}`, `keyfile ${key}`];
  };
  await using broker = await Mosquitto.start({ settings: users, listener });
  const url = `mqtts://localhost:${broker.port}`;
  const secret = `${broker.directory}/secret`;
  const ca = `ca_file = "${broker.directory}/cert.pem"`;
  const login = `username = "device"\npassword_file = "${secret}"`;
  const failure = async (settings: string) => {
    await using rig = startBridge(url, `${settings}\n${TOPICS}`);
    await until(() => rig.bridge.lastError !== "");
    return rig.bridge.lastError;
  };
  expect(await failure(login)).toContain(`the file ${secret} cannot be read: ENOENT`);
  writeFileSync(secret, "wrong\n");
  expect(await failure(login)).toContain("its certificate is not accepted: it is self-signed");
  await using rig = startBridge(url, `${ca}\n${login}\n${TOPICS}`);
  await until(() => rig.bridge.lastError !== "");
  expect(rig.bridge.lastError).toMatch(
    /^the broker refused the login \(0x8[67]\): wanted another username or password$/,
  );
  writeFileSync(secret, "pa ss/wörd\n");
  await until(() => rig.bridge.isConnected);
  expect(rig.told.join()).not.toContain("wörd");
});

test("topics that the broker does not let us read are named, the others are taken", async () => {
  // Debian's mosquitto grants every subscription, and then sends nothing.
  const speak = (socket: Socket) => {
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    const answer = (packet: mqttPacket.Packet) => socket.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
    parser.on("packet", (packet: mqttPacket.Packet) => {
      if (packet.cmd === "connect") answer({ cmd: "connack", reasonCode: 0, sessionPresent: false });
      if (packet.cmd !== "subscribe") return;
      const { messageId = 0, subscriptions } = packet;
      const granted = subscriptions.map(({ topic }) => (topic.startsWith("secret/") ? 0x87 : 1));
      answer({ cmd: "suback", messageId, granted });
      answer({ cmd: "publish", topic: "f/a/d/m", payload: "1", qos: 1, messageId: 1, dup: false, retain: false });
    });
    socket.on("data", (data) => void parser.parse(Buffer.from(data)));
  };
  using broker = await rawServer(() => {}, speak);
  await using rig = startBridge(
    `mqtt://127.0.0.1:${broker.port}`,
    `${TOPICS}[[topics]]\npattern = "secret/{metric}"\n`,
  );
  await until(() => rig.stored.length === 1);
  expect(rig.bridge.lastError).toBe('the broker does not grant "secret/+"');
  expect(rig.bridge.isConnected).toBe(true);
});

testWithBroker(
  "what the broker kept comes as such, and status topics become events once they are dealt with",
  async () => {
    await using broker = await Mosquitto.start();
    await using client = await connectClient(broker.url);
    await client.send("f/a/d/old", "1", { retain: true });
    await client.send("z/lamp/availability", "offline", { retain: true });
    await using rig = startBridge(
      broker.url,
      `${TOPICS}[[topics]]\npattern = "z/{device}/availability"\nstatus = {}\n`,
    );
    await until(() => rig.events.length === 1);
    await client.send("f/a/d/new", "2", { retain: true });
    await client.send("z/lamp/availability", "online");
    await until(() => rig.events.length === 2 && rig.stored.length === 1);
    expect(rig.events.map(({ kind, device }) => `${kind} ${device}`)).toEqual(["death lamp", "birth lamp"]);
    expect(rig.stored.map(({ metric }) => metric)).toEqual(["new"]);
    expect(rig.bridge.counts[0].leftOut).toEqual(new Map([["retained without a time", 1]]));
  },
);

for (const version of ["5", "3.1.1"]) {
  testWithBroker(
    `where patterns overlap in part each message is taken once, also what waited (${version})`,
    async () => {
      await using broker = await Mosquitto.start();
      await using client = await connectClient(broker.url);
      const patterns = ["a/{device}", "{device}/b", "{device}/{line}/c", "other/{device}"];
      const topics = patterns.map((pattern) => `[[topics]]\npattern = "${pattern}"\nmetric = "m"\n`).join("");
      const settings = `version = "${version}"\nclient_id = "bridge"\n${topics}`;
      await client.send("a/b", "-1", { retain: true });
      const names = ["a/b", "a/x", "y/b", "y/b/c", "a/c", "other/b"];
      const publish = async () => {
        for (const [i, name] of names.entries()) await client.send(name, String(i));
      };
      const first = startBridge(broker.url, settings);
      await until(() => first.bridge.isConnected);
      await publish();
      await until(() => first.stored.length >= names.length);
      await first.kill();
      await publish();
      await using rig = startBridge(broker.url, settings);
      await until(() => rig.stored.length >= names.length);
      await publish();
      await client.send("other/last", "9");
      await until(() => values(rig).at(-1) === 9);
      expect([values(first), values(rig)]).toEqual([upTo(6), [...upTo(6), ...upTo(6), 9]]);
      expect(rig.bridge.counts.map(({ points }) => points)).toEqual([6, 4, 2, 1]);
      // In 3.1.1 what the broker kept comes with each subscription, and with each connection.
      if (version === "5") expect(first.bridge.counts[0].messages).toBe(4);
    },
  );
}

testWithBroker("a death that is not in the journal is not acknowledged: it comes again", async () => {
  await using broker = await Mosquitto.start();
  await using client = await connectClient(broker.url);
  const settings = `client_id = "bridge"\n[[topics]]\npattern = "z/{device}/availability"\nstatus = {}\n`;
  const first = startBridge(broker.url, settings);
  first.eventGate = () => new Promise(() => {});
  await until(() => first.bridge.isConnected);
  await client.send("z/lamp/availability", "offline");
  await until(() => first.bridge.inFlight === 1);
  await first.kill();
  await using second = startBridge(broker.url, settings);
  await until(() => second.events.length === 1);
  expect([first.events.length, second.events[0].kind, second.events[0].device]).toEqual([0, "death", "lamp"]);
  await second.bridge.close(1_000);
  await using third = startBridge(broker.url, settings);
  await client.send("z/door/availability", "online");
  await until(() => third.events.length === 1);
  expect(third.events[0].device).toBe("door");
});

testWithBroker("an event that meets a defect is said, and the messages behind it are taken", async () => {
  await using broker = await Mosquitto.start();
  await using client = await connectClient(broker.url);
  await using rig = startBridge(broker.url, `${TOPICS}[[topics]]\npattern = "z/{device}/availability"\nstatus = {}\n`);
  rig.eventGate = () => Promise.reject(new Error("it met a defect"));
  await until(() => rig.bridge.isConnected);
  await client.send("z/lamp/availability", "offline");
  await client.send("f/a/d/m", "1");
  await until(() => rig.stored.length === 1 && rig.bridge.inFlight === 0);
  expect(rig.told).toContain("MQTT: the death of a device is not taken: it met a defect");
});

testWithBroker(
  "what a filter brings beyond its pattern is counted and not warned of; our own status is neither",
  async () => {
    await using broker = await Mosquitto.start();
    await using client = await connectClient(broker.url);
    const will = `will = { topic = "plant/watchpost", online = "online" }\n`;
    await using rig = startBridge(broker.url, `${will}[[topics]]\npattern = "plant/node-{device}"\nmetric = "t"\n`);
    await until(() => rig.bridge.isConnected);
    await client.send("plant/watchpost", "online");
    await client.send("plant/gate-1", "1");
    await client.send("plant/node-1", "2");
    await until(() => rig.stored.length === 1 && rig.bridge.inFlight === 0);
    expect(rig.bridge.unmatched).toBe(1);
    expect(rig.told.filter((sentence) => sentence.includes("no topic pattern"))).toEqual([]);
  },
);

testWithBroker(
  "what is asked for no more, and what nobody should send, is counted and said; the rest is stored",
  async () => {
    await using broker = await Mosquitto.start();
    await using client = await connectClient(broker.url);
    const settings = `client_id = "bridge"\npayload_bytes_max = 1000\n`;
    const old = startBridge(broker.url, `${settings}${TOPICS}[[topics]]\npattern = "old/{metric}"\n`);
    await until(() => old.bridge.isConnected);
    await old.kill();
    await client.send("old/m", "1");

    await using rig = startBridge(broker.url, settings + TOPICS);
    await until(() => rig.bridge.unmatched === 1);
    const hostile = [
      "x".repeat(1_001),
      '"'.repeat(900),
      "[".repeat(900),
      Uint8Array.of(0xc3, 0x28),
      "NaN",
      '{"a":',
      "\u001b[2J",
    ];
    for (const payload of hostile) await client.send("f/a/d/m", payload);
    await client.send(`f/a/d/${"x".repeat(5_000)}`, "1");
    // Far more than a message may have: the broker was told not to send it.
    await client.send("f/a/d/m", "x".repeat(100_000));
    await client.send("f/a/d/m", '{"a": {"b": ["x", null, {}]}}');
    const topics = ["f/ä \u{1f980}/d/m°C", "f/a/d d/\u202em", "f//d/m", "f/a//m", "f/a/d/"];
    for (const topic of topics) await client.send(topic, "7");
    await client.send("f/a/d/last", "8");
    await until(() => values(rig).at(-1) === 8);
    const [counts] = rig.bridge.counts;
    expect([counts.messages, counts.malformed, counts.leftOut]).toEqual([
      hostile.length + topics.length + 3,
      hostile.length + 1,
      new Map([["no number", 1]]),
    ]);
    expect(rig.stored.map(({ metric, source, tags }) => [metric, source, ...tags.flat()].join("|"))).toEqual([
      "m_C|ä \u{1f980}|device|d",
      "_m|a|device|d d",
      "m||device|d",
      "m|a",
      "|a|device|d",
      "last|a|device|d",
    ]);
    // One sample of each kind, whatever they say.
    const said = rig.told.filter((sentence) => sentence.startsWith("MQTT: a message"));
    expect(said).toEqual([
      "MQTT: a message came that no topic pattern takes",
      "MQTT: a message cannot be taken: it has 1001 bytes; wanted at most 1000",
    ]);
  },
);
