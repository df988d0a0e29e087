/** Tables of MQTT brokers: what is taken, what is refused and how it is named, and what is shown of them. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { renderSettings } from "../../src/cli/config.ts";
import { loadConfig } from "../../src/config/load.ts";

function load(text: string, env: Record<string, string> = {}) {
  return loadConfig({ env, flags: {}, machineMemoryBytes: 2 ** 31, file: { name: "w.toml", text } });
}

const PLANT = `[mqtt.plant]
url = "mqtts://broker.example.org"
username = "watchpost"
password = "hunter2hunter2"
[[mqtt.plant.topics]]
pattern = "factory/{source}/{device}/{metric}"
`;

test("several brokers, in the order of the file, with defaults", () => {
  const { config } = load(
    `${PLANT}words = { ON = 1 }\n[mqtt.lab]\nurl = "ws://[::1]:9001/mqtt"\ntopics = [{ pattern = "#" }]\n`,
  );
  expect(config.mqtt).toMatchObject([
    {
      name: "plant",
      url: { protocol: "mqtts", host: "broker.example.org", port: 8883 },
      inFlightMax: 10_000,
      clean: false,
    },
    { name: "lab", url: { protocol: "ws", host: "::1", port: 9001, path: "/mqtt", shown: "ws://[::1]:9001" } },
  ]);
  expect(config.mqtt[0].topics[0]).toMatchObject({
    qos: 1,
    payload: "auto",
    retained: "with_time",
    words: new Map([["ON", 1]]),
  });
  expect(load("").config.mqtt).toEqual([]);
});

test("what is wrong is named with its place, its value and where it came from", () => {
  const text = `[mqtt."a b"]
url = "http://user:secret@host"
password = 5
password_file = "/x"
cert_file = "/c"
[[mqtt."a b".topics]]
pattern = "{metric}"
payload = "xml"
colour = "red"
[[mqtt."a b".topics]]
pattern = "a/#"
payload = "number"
qos = 2
[[mqtt."a b".topics]]
pattern = "a/{metric"
`;
  for (const sentence of [
    'mqtt.a b.url is "http://<secret>@host" (w.toml): wanted a URL such as "mqtt://host:1883"',
    "mqtt.a b.password is <secret> (w.toml): wanted text",
    'mqtt.a b.topics.0.payload is "xml" (w.toml): wanted auto or number or json',
    'mqtt.a b.topics.0.colour is "red" (w.toml): there is no such setting',
    "mqtt.a b.topics.1.qos is 2 (w.toml): wanted 0 or 1",
    'mqtt.a b.topics.2.pattern is "a/{metric" (w.toml): "a/{metric" is no topic pattern; wanted levels such as',
  ]) {
    expect(() => load(text)).toThrow(sentence);
  }
  expect(() => load(text)).not.toThrow("user:secret");
});

test("settings that contradict each other", () => {
  const broker = (more: string, topic: string) => () =>
    load(`[mqtt.x]\nurl = "mqtt://h"\n${more}\n[[mqtt.x.topics]]\n${topic}`);
  expect(broker('password = "a"\npassword_file = "/b"', 'pattern = "#"')).toThrow(
    "wanted only one of this and password",
  );
  expect(broker('cert_file = "/c"', 'pattern = "#"')).toThrow("wanted cert_file and key_file together");
  expect(broker("", 'pattern = "a/#"\n[[mqtt.x.topics]]\npattern = "a/{metric}"')).toThrow(
    'mqtt.x.topics.1.pattern is "a/{metric}" (w.toml): wanted it before "a/#", which takes all of its topics',
  );
  expect(broker("", 'pattern = "a"\npayload = "number"')).toThrow("wanted {metric} in it, or metric = beside it");
  expect(broker("", 'pattern = "{device}/a"\ndevice = "d"')).toThrow(
    "wanted only one of this and {device} in the pattern",
  );
  expect(broker("", 'pattern = "a"\nstatus = {}')).toThrow("mqtt.x.topics.0.status is {} (w.toml): wanted {device}");
  expect(() => load('[mqtt.x]\nurl = "mqtt://h"\n')).toThrow(
    "mqtt.x.topics: wanted tables [[mqtt.NAME.topics]], each with a pattern",
  );
  expect(() => load('[mqtt."a b"]\nurl = "mqtt://h"\ntopics = [{ pattern = "#" }]')).toThrow("mqtt.a b");
  expect(() => load('[mqtt]\nurl = "mqtt://h"\n')).toThrow(
    'mqtt.url is "mqtt://h" (w.toml): wanted a table of settings',
  );
});

test("what the file sets, the environment may set otherwise", () => {
  const { config, warnings } = load(PLANT, {
    WATCHPOST_MQTT_PLANT_PASSWORD: "other",
    WATCHPOST_MQTT_OTHER_URL: "mqtt://x",
  });
  expect(config.mqtt[0].password).toBe("other");
  expect(warnings).toEqual(["WATCHPOST_MQTT_OTHER_URL in the environment is no setting of Watchpost; it is ignored"]);
});

test("what `config` prints gives the same settings, but for passwords", () => {
  const more = `[mqtt.plant.will]\ntopic = "watchpost/state"\n[mqtt.lab]\ntopics = [{ pattern = "#", tags = { a = "b" } }]\nurl = "mqtt://h"\n`;
  const first = load(PLANT + more);
  const printed = renderSettings(first.settings);
  expect(printed).not.toContain("hunter2");
  expect(printed).toContain("# password is set and not shown: w.toml");
  const shape = (config: unknown) => JSON.stringify(config);
  const expected = first.config.mqtt.map((broker) => ({ ...broker, password: undefined }));
  expect(shape(load(printed).config.mqtt)).toEqual(shape(expected));
});

test("the examples in docs/mqtt.md are settings", () => {
  const text = readFileSync(join(import.meta.dir, "../../docs/mqtt.md"), "utf8");
  const blocks = [...text.matchAll(/```toml\n([^]*?)```/g)].map(([, block]) => block);
  const patterns = blocks.flatMap((block) => {
    const isWhole = block.includes("url =");
    const [, name] = /\[\[mqtt\.(\w+)\.topics\]\]/.exec(block)!;
    return load(isWhole ? block : `[mqtt.${name}]\nurl = "mqtt://h"\n${block}`).config.mqtt[0].topics;
  });
  expect(blocks.length).toBe(6);
  expect(patterns.length).toBe(text.match(/^pattern = /gm)!.length);
});
