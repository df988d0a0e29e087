/** Published to Debian's mosquitto, and to brokers that are none. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectAsync, type MqttClient } from "mqtt";
import { webhookBody } from "../../../src/alerts/receivers/alertmanager-body.ts";
import { testNeeding } from "../../support/needs.ts";
import { mosquittoMissing, startBroker, USER, type Broker } from "./mosquitto.ts";
import { NASTY, nastyNotification, notificationOf } from "./notifications.ts";
import { closedPort, rawServer, Rig, until } from "./rig.ts";

interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly contentType: string | undefined;
}

const missing = mosquittoMissing();
const testWithBroker = testNeeding([missing]);
const messages: Message[] = [];
let broker: Broker;
let watcher: MqttClient;

beforeAll(async () => {
  if (missing !== false) return;
  broker = await startBroker();
  watcher = await connectAsync({ protocol: "mqtt", host: "127.0.0.1", port: broker.port, protocolVersion: 5 });
  watcher.on("message", (topic, payload, { retain, properties }) => {
    messages.push({ topic, payload: payload.toString(), retain, contentType: properties?.contentType });
  });
  await watcher.subscribeAsync(["#", "$SYS/broker/nobody/#"], { qos: 1 });
});

afterAll(async () => {
  if (missing !== false) return;
  await watcher.endAsync();
  await broker[Symbol.asyncDispose]();
});

/** Those that came since the last call, once a message of our own, published after them, has come back. */
async function published(): Promise<Message[]> {
  await watcher.publishAsync("open/end", "", { qos: 1 });
  await until(() => messages.at(-1)?.topic === "open/end");
  return messages.splice(0).slice(0, -1);
}

function mqttTo(port: number, changes: Readonly<Record<string, unknown>> = {}) {
  return { mqtt: { url: `mqtt://127.0.0.1:${port}`, topic: "open/{receiver}/{device}", ...changes } };
}

testWithBroker("one message for a notification, whichever the version of the protocol", async () => {
  for (const version of ["5", "3.1.1"]) {
    const rig = new Rig();
    const receiver = await rig.receiver(mqttTo(broker.port, { version }));
    expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ kind: "delivered", attempts: 1 });
    const contentType = version === "5" ? "application/json" : undefined;
    const payload = webhookBody(notificationOf());
    expect(await published()).toEqual([{ topic: "open/ops/cooler-2", payload, retain: false, contentType }]);
  }
});

testWithBroker("a retained message meets who comes later", async () => {
  const rig = new Rig();
  const receiver = await rig.receiver(mqttTo(broker.port, { retain: true, topic: "open/retained" }));
  expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ kind: "delivered" });
  await published();
  const late = await connectAsync({ protocol: "mqtt", host: "127.0.0.1", port: broker.port });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  late.on("message", (_topic, _payload, { retain }) => resolve(retain));
  await late.subscribeAsync("open/retained");
  expect(await promise).toBe(true);
  await late.endAsync();
});

testWithBroker("whatever a device is called, its message stays where it belongs", async () => {
  const rig = new Rig();
  const receiver = await rig.receiver(mqttTo(broker.port, { topic: "open/{device}/alerts" }));
  const expected = new Set<string>();
  for (const text of NASTY) {
    expect(await rig.deliver(receiver, nastyNotification(text))).toMatchObject({ kind: "delivered", attempts: 1 });
    expected.add(text === "" ? "_" : text.toWellFormed());
  }
  const topics = (await published()).map(({ topic }) => topic.split("/"));
  expect(topics.map(([first, , third, ...more]) => [first, third, more.length])).toEqual(
    NASTY.map(() => ["open", "alerts", 0]),
  );
  expect(new Set(topics.map(([, level]) => decodeURIComponent(level)))).toEqual(expected);
});

testWithBroker("logins: of the URL, of the settings, and one that is refused for good", async () => {
  const { user, password } = USER;
  const login = `${user}:${encodeURIComponent(password)}`;
  const rig = new Rig();
  for (const changes of [{ url: `mqtt://${login}@127.0.0.1:${broker.port}` }, { user, password }]) {
    const receiver = await rig.receiver(mqttTo(broker.port, changes));
    expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ kind: "delivered" });
  }
  for (const version of ["5", "3.1.1"]) {
    const wrong = await rig.receiver(mqttTo(broker.port, { user, password: "hunter2hunter2", version }));
    const { kind, outcome } = await rig.deliver(wrong, notificationOf());
    expect(kind).toBe("failed");
    expect(outcome).toMatch(
      /^mqtt:\/\/127\.0\.0\.1:\d+ answered Connection refused: Not authorized \(0x(87|05)\): wanted another user or password$/,
    );
  }
  expect((await published()).length).toBe(2);
});

testWithBroker("a broker that does not take the message says so, in version 5", async () => {
  const rig = new Rig();
  const receiver = await rig.receiver(mqttTo(broker.port, { topic: "forbidden/x" }));
  const outcome = `mqtt://127.0.0.1:${broker.port} answered Publish error: Not authorized (0x87): wanted leave to publish to "forbidden/x"`;
  expect(await rig.deliver(receiver, notificationOf())).toEqual({ kind: "failed", attempts: 1, outcome });
  expect(await published()).toEqual([]);
});

testWithBroker("TLS: verified by default, with an authority of one's own, or not", async () => {
  const outcomes = [];
  for (const tls of [{}, { ca_file: broker.caFile }, { insecure_skip_verify: true }]) {
    const rig = new Rig();
    const receiver = await rig.receiver(mqttTo(0, { url: `mqtts://localhost:${broker.tlsPort}`, tls }));
    outcomes.push((await rig.deliver(receiver, notificationOf())).outcome);
    expect(rig.attempts).toHaveLength(1);
  }
  const where = `mqtts://localhost:${broker.tlsPort}`;
  const notAccepted = `the certificate of ${where} is not accepted: it is self-signed, and not among those trusted here (DEPTH_ZERO_SELF_SIGNED_CERT)`;
  expect(outcomes).toEqual([notAccepted, "delivered", "delivered"]);
  expect(await published()).toHaveLength(2);
});

test("a broker that never answers is cut off, and its connection closed", async () => {
  const connack = Buffer.from([0x20, 3, 0, 0, 0]);
  for (const answers of [[], [connack]]) {
    let packets = 0;
    using server = await rawServer((socket) => {
      const answer = answers[packets++];
      if (answer !== undefined) socket.write(answer);
    });
    const rig = new Rig();
    const receiver = await rig.receiver(mqttTo(server.port, { timeout: "4s" }));
    const delivered = rig.deliver(receiver, notificationOf());
    await until(() => packets === answers.length + 1);
    rig.clock.advance(4_000);
    await until(() => rig.attempts.length === 1);
    rig.stop.abort();
    await delivered;
    expect(rig.attempts[0]).toMatchObject({ outcome: "no answer within 4s", durationMs: 4_000 });
    await until(() => server.open.size === 0);
  }
});

test("brokers that are not there, that hang up or are none are named, and tried again", async () => {
  using cutting = await rawServer((socket) => socket.destroy());
  using other = await rawServer((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const port = await closedPort();
  const cases = [
    [
      `mqtt://u:hunter2hunter2@127.0.0.1:${port}`,
      `mqtt://127.0.0.1:${port} refused the connection: does it run, and at this port?`,
    ],
    [`mqtt://127.0.0.1:${cutting.port}`, `mqtt://127.0.0.1:${cutting.port} closed the connection before it answered`],
    [`mqtt://127.0.0.1:${other.port}`, `mqtt://127.0.0.1:${other.port} answers what is not MQTT`],
    [
      `mqtts://127.0.0.1:${other.port}`,
      `no TLS connection to mqtts://127.0.0.1:${other.port}: does it speak TLS at this port?`,
    ],
    ["mqtt://nowhere.invalid", "the name of mqtt://nowhere.invalid cannot be resolved: ENOTFOUND"],
  ];
  for (const [url, outcome] of cases) {
    const rig = new Rig();
    const receiver = await rig.receiver({ mqtt: { url } });
    expect(await rig.deliver(receiver, notificationOf())).toEqual({ kind: "failed", attempts: 8, outcome });
  }
});
