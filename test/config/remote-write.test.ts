import { expect, test } from "bun:test";
import { isSecret, loadConfig } from "../../src/config/load.ts";

const load = (text: string) =>
  loadConfig({
    env: {},
    flags: {},
    machineMemoryBytes: 2 ** 31,
    file: { name: "w.toml", text: `[remote_write]\n${text}` },
  });

test("settings of remote write become what they mean", () => {
  const { config } = load(`
url = "https://mimir.example.org/api/v1/push"
headers = "X-Scope-OrgID=a%2Cb"
labels = "node=plant-1, region=north"
queue_age_max = "7d"`);
  expect(config.remote_write).toMatchObject({
    url: "https://mimir.example.org/api/v1/push",
    headers: { "x-scope-orgid": "a,b" },
    labels: [
      ["node", "plant-1"],
      ["region", "north"],
    ],
    ...{ queue_age_max: 7 * 86_400_000, history: false, tags: undefined },
  });
  expect(load("").config.remote_write.url).toBeUndefined();
  expect(isSecret("remote_write.headers")).toBe(true);
});

test("what is wrong is named", () => {
  const wrong: readonly (readonly [text: string, said: string])[] = [
    ['url = "vm:8428"', 'wanted "none" or where remote write is taken'],
    ['url = "http://ann:secret@vm/"', "where remote write is taken"],
    ['labels = "__name__=x"', 'such as "node=plant-1,region=north"'],
    ['labels = "a=1,a=2"', 'such as "node=plant-1,region=north"'],
    ['labels = "my node=1"', 'such as "node=plant-1,region=north"'],
    ['token_file = "t"\nuser = "ann"', "wanted without remote_write.user"],
    ['password_file = "p"', "wanted together with remote_write.user"],
    ['backoff_min = "1m"', "wanted at most remote_write.backoff_max"],
    ['metrics = ""', "metric"],
  ];
  for (const [text, said] of wrong) expect(() => load(text)).toThrow(said);
});
