/** The server's rules file as its thread reads it: all that is wrong, wherever it stands, by line and column. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRulesFile } from "../../src/alerts/read-rules-file.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { spawn } from "../log/harness.ts";
import { tempDir } from "../support/server-process.ts";

/** Without the first line and the name of the file. */
async function wrongWith(text: string, taken: readonly string[] = []): Promise<string[]> {
  using dir = tempDir("read-rules-file");
  const path = join(dir.path, "rules.yaml");
  writeFileSync(path, text);
  const error: unknown = await readRulesFile(path, taken, spawn).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return [];
  if (!(error instanceof WatchpostError)) throw error;
  expect(error.status).toBe("FAILED_PRECONDITION");
  const [first, ...lines] = error.message.split("\n");
  expect(first).toBe(`${path} is wrong:`);
  return lines.map((line) => line.replace(`  ${path}:`, ""));
}

test("routes, receivers, policies, schedules and correlation, all together", async () => {
  const text = `route:
  receiver: ops
  routes:
    - { receiver: opps, group_wait: soon }
receivers:
  - name: ops
    slack: { url: "ftp://hunter2" }
    webhok: { url: "http://h" }
  - name: ops
    email: { host: h, from: a@b.c }
escalations:
  - name: plant
    steps: [{ after: 5, notify: op }]
schedules:
  - { name: on-call, rotation: weekly, start: "2026-01-05", participants: [anna] }
correlation: { labels: [site] }
silence_notice: 5
`;
  const lines = await wrongWith(text);
  expect(lines).toEqual([
    '4:19: route.routes[0].receiver is "opps"; did you mean ops?',
    '4:37: route.routes[0].group_wait is "soon"; wanted a duration such as "90s" or "1h30m", from 0s to 400d',
    "7:19: receivers[0].slack.url: wanted a URL of http or https",
    "8:5: receivers[0].webhok is unknown; did you mean webhook?",
    '9:11: receivers[1].name is "ops"; wanted a name that no other receiver has',
    expect.stringMatching(/^10:12: receivers\[1\]\.email\.to/),
    expect.stringMatching(/^13:22: escalations\[0\]\.steps\[0\]\.after is 5; wanted a duration/),
    expect.stringMatching(/^13:33: escalations\[0\]\.steps\[0\]\.notify\[0\] is "op"; wanted a receiver or a schedule/),
    expect.stringMatching(/^15:76: schedules\[0\]\.participants\[0\] is "anna"; wanted a receiver/),
    expect.stringMatching(/^16:25: correlation\.labels\[0\] is "site"; wanted labels of what fails together/),
    '17:17: silence_notice is 5; wanted a duration such as "90s" or "1h30m", from 0s to 400d',
  ]);
  expect(lines.join()).not.toContain("hunter2");
});

test("rules that name what there is not, or are there already", async () => {
  const rule = "metric: m, condition: { threshold: { above: 1 } }";
  const text = `route: { receiver: ops }
receivers: [{ name: ops }]
escalations: [{ name: plant, steps: [{ after: 0s, notify: ops }] }]
rules:
  - { name: a, ${rule}, escalation: plnt }
`;
  expect(await wrongWith(text)).toEqual(['5:79: rules[0].escalation is "plnt"; did you mean plant?']);
  expect(await wrongWith(text, ["a"])).toEqual([
    '5:13: rules[0].name is "a"; wanted a name that no rule put by a call has: delete that one, or rename this',
  ]);
  expect(await wrongWith(text.replace("plnt", "plant"))).toEqual([]);
});
