/** Sparkplug topics in the tables of MQTT brokers. */
import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/load.ts";

function load(text: string) {
  const file = { name: "w.toml", text: `[mqtt.x]\nurl = "mqtt://h"\n${text}` };
  return loadConfig({ env: {}, flags: {}, machineMemoryBytes: 2 ** 31, file }).config.mqtt[0];
}

const TOPIC = '[[mqtt.x.topics]]\npayload = "sparkplug"\n';

test("defaults, and what may be set", () => {
  const plain = load(`${TOPIC}pattern = "spBv1.0/#"`);
  expect(plain.topics[0]).toMatchObject({ payload: "sparkplug", qos: 1 });
  expect(plain.sparkplug).toEqual({
    hostId: undefined,
    deviceNames: "short",
    reorderMs: 2_000,
    asksForRebirths: true,
  });
  const settings = `[mqtt.x.sparkplug]\nhost_id = "wp"\ndevice_names = "full"\nreorder_timeout = "0s"\nrebirths = false\n`;
  expect(load(`${settings}${TOPIC}pattern = "spBv1.0/#"`).sparkplug).toEqual({
    hostId: "wp",
    deviceNames: "full",
    reorderMs: 0,
    asksForRebirths: false,
  });
});

test("what Sparkplug says itself cannot be set, nor what would tear its sessions apart", () => {
  const wrong = [
    ['pattern = "factory/#"', "mqtt.x.topics.0.pattern"],
    ['pattern = "spBv1.0/{tag.group}/#"', "mqtt.x.topics.0.pattern"],
    ['pattern = "spBv1.0/#"\ndevice = "d"', "mqtt.x.topics.0.device"],
    ['pattern = "spBv1.0/#"\ntags = { a = "b" }', "mqtt.x.topics.0.tags"],
    ['pattern = "spBv1.0/#"\nvalues = "v"', "mqtt.x.topics.0.values"],
    ['pattern = "spBv1.0/#"\nshare = "g"', "mqtt.x.topics.0.share"],
    ['pattern = "spBv1.0/#"\nstatus = {}', "mqtt.x.topics.0.status"],
  ];
  for (const [topic, key] of wrong) expect(() => load(TOPIC + topic)).toThrow(key!);
});

test("a primary host has to hear its own STATE", () => {
  const host = (id: string, pattern: string) => () =>
    load(`[mqtt.x.sparkplug]\nhost_id = "${id}"\n${TOPIC}pattern = "${pattern}"`);
  expect(host("wp", "spBv1.0/Plant/#")).toThrow(
    'wanted a topic pattern with payload = "sparkplug" that takes spBv1.0/STATE/wp, as spBv1.0/# does',
  );
  expect(host("a/b", "spBv1.0/#")).toThrow('mqtt.x.sparkplug.host_id is "a/b" (w.toml): wanted an id');
  expect(host("wp", "spBv1.0/STATE/wp")().sparkplug.hostId).toBe("wp");
});
