/** Rules files: what they hold, and where something is wrong with them. */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { list, text } from "../../src/alerts/input/fields.ts";
import { record } from "../../src/alerts/input/record.ts";
import { parseRulesFile } from "../../src/alerts/rules-file.ts";
import { WatchpostError } from "../../src/model/errors.ts";

const MIB = 1024 * 1024;
const KINDS =
  "threshold, ladder, range, window, rate, n_of_m, stuck, absence, deviation, seasonal, device and watchdog";

/** Without the first line, each without the name of the file. */
function linesOf(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    expect(error.status).toBe("FAILED_PRECONDITION");
    const [first, ...lines] = error.message.split("\n");
    expect(first).toBe("rules.yaml is wrong:");
    return lines.map((line) => line.replace(/^ {2}rules\.yaml:/, ""));
  }
}

const wrongWith = (content: string | Uint8Array) => linesOf(() => parseRulesFile("rules.yaml", content));
const rulesOf = (content: string | Uint8Array) => parseRulesFile("rules.yaml", content).rules;

const EXAMPLE = `# Pumps of both plants
rules:
  - name: pump-hot
    metric: temperature
    where: ["site=plant-*", "unit!=F"]
    condition:
      ladder:
        steps:
          - { severity: medium, above: 80, clear: 78 }
          - { severity: critical, above: 95 }
    for: 5m
    labels: { team: pumps }
    title: "Pump {device} is at {value} °C"
    runbook: https://wiki.example.org/pumps

  - name: pump-silent # its gateway may be down
    metric: "*"
    condition: { absence: }
    severity: high
    active_times:
      - days: [mon-fri]
        from: 08:00
        to: 18:00
        zone: Europe/Berlin
`;

test("a file with comments, lists and maps in either style", () => {
  const [hot, silent] = rulesOf(EXAMPLE);
  expect(hot).toMatchObject({ name: "pump-hot", holdMs: 300_000, labels: { team: "pumps" }, isFromFile: true });
  expect(silent).toMatchObject({
    condition: { kind: "absence", afterMs: undefined },
    groupBy: ["device"],
    activeTimes: [{ days: [1, 2, 3, 4, 5], fromMinute: 480, toMinute: 1_080 }],
  });
  expect(rulesOf(new TextEncoder().encode(`\ufeff${EXAMPLE.replaceAll("\n", "\r\n")}`))).toEqual([hot, silent]);
});

test("an empty file has no rules", () => {
  for (const empty of ["", "# nothing yet\n", "---\n", "rules:\n", "rules: []", "{}", "\ufeff"]) {
    expect(rulesOf(empty)).toEqual([]);
  }
});

test("anchors, aliases and merge keys spare repetition; what stands in the rule itself counts", () => {
  const rules = rulesOf(`rules:
  - &base
    name: a
    metric: temperature
    condition: &hot { threshold: { above: 80 } }
    for: 1m
  - { <<: *base, name: b, for: 2m }
  - { name: c, metric: pressure, condition: *hot }
  - { name: d, <<: [{ for: 3m }, *base] }
`);
  expect(rules.map(({ name, metric, holdMs }) => [name, metric, holdMs])).toEqual([
    ["a", "temperature", 60_000],
    ["b", "temperature", 120_000],
    ["c", "pressure", 0],
    ["d", "temperature", 180_000],
  ]);
  expect(new Set(rules.map(({ condition }) => JSON.stringify(condition))).size).toBe(1);
});

describe("what is wrong is told with line and column", () => {
  test("values where they stand, keys where they stand, what is missing where it is missing", () => {
    const text = `rules:
  - name: hot
    metric: temperature
    sevrity: high
    condition:
      threshold:
        above: hot
  - metric: temperature
    condition: { threshold: { above: "80" , clear: .inf } }
    labels:
      severity: high
  - name: hot
    metric: temperature
    condition:
rule: []
`;
    expect(wrongWith(text)).toEqual([
      "4:5: rules[0].sevrity is unknown; did you mean severity?",
      '7:16: rules[0].condition.threshold.above is "hot"; wanted a number',
      "8:5: rules[1].name is missing; wanted 1 to 128 letters, digits, '-', '_' and '.'",
      '9:38: rules[1].condition.threshold.above is "80"; wanted a number',
      "9:52: rules[1].condition.threshold.clear is Infinity; wanted a number",
      "11:7: rules[1].labels.severity is set by Watchpost; wanted another name",
      '12:11: rules[2].name is "hot"; wanted another name than rules[0] has',
      `14:15: rules[2].condition has no kind; wanted exactly one of ${KINDS}`,
      "15:1: rule is unknown; did you mean rules?",
    ]);
  });

  test("through aliases and merge keys where it is written", () => {
    const text = `rules:
  - &base
    name: a
    metric: temperature
    condition: &hot { threshold: { above: hot } }
  - { <<: *base, name: b }
  - { name: c, metric: m, condition: *hot, for: soon }
`;
    expect(wrongWith(text)).toEqual([
      ...[0, 1, 2].map((i) => `5:43: rules[${i}].condition.threshold.above is "hot"; wanted a number`),
      '7:49: rules[2].for is "soon"; wanted a duration such as "90s" or "1h30m", from 0s to 400d',
    ]);
  });

  const table: readonly [text: string, ...lines: string[]][] = [
    ["rules: 5", "1:8: rules is 5; wanted a list of rules"],
    ["- name: a", "1:1: the file is a list; wanted a map of rules"],
    ["just text", '1:1: the file is "just text"; wanted a map of rules'],
    ["rules:\n  -\n", expect.stringMatching(/^2:4: rules\[0\]\.name is missing/), expect.anything(), expect.anything()],
    ["receivers: []", "1:1: receivers is unknown; wanted rules"],
    ["rules: []\nrules: []", "2:1: rules is there a second time"],
    ["rules:\n  - { name: a, name: b }", "2:16: rules[0].name is there a second time"],
    ["rules:\n\t- a", "2:1: Tabs are not allowed as indentation"],
    ["rules: [", "1:9: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["rules: []\n---\nrules: []", "2:1: another document begins; wanted one"],
    ["? [a]\n: 1", "1:3: a list or a map is no key; wanted a name"],
    ["rules: !!set {}", "1:8: Unresolved tag: tag:yaml.org,2002:set"],
    ["rules: !mine []", "1:8: Unresolved tag: !mine"],
    ["rules:\n  - *a", "2:5: rules[0] is *a; wanted an alias of something that ends before it"],
    ["rules: &a\n  - *a", "2:5: rules[0] is *a; wanted an alias of something that ends before it"],
    ["rules:\n  - { <<: 5 }", '2:11: rules[0]["<<"] is no map; wanted a map, or a list of maps, to merge'],
  ];
  test.each(table)("%j", (text, ...lines) => {
    expect(wrongWith(text)).toEqual(lines);
  });

  test("names of Object.prototype are names like others", () => {
    expect(wrongWith("__proto__: { rules: [] }\nconstructor: 1")).toEqual([
      "1:1: __proto__ is unknown; wanted rules",
      "2:1: constructor is unknown; wanted rules",
    ]);
  });

  test("the first fifty, and how many more there are", () => {
    const lines = wrongWith(`rules:\n${"  - 5\n".repeat(60)}`);
    expect(lines).toHaveLength(51);
    expect(lines[50]).toBe("  and 10 more");
  });
});

describe("what would take too much is refused", () => {
  test("large files, before they are read", () => {
    const lines = [`1:1: the file has ${16 * MIB + 1} bytes; wanted at most ${16 * MIB}`];
    expect(wrongWith("#".repeat(16 * MIB + 1))).toEqual(lines);
    expect(wrongWith(new Uint8Array(16 * MIB + 1))).toEqual(lines);
  });

  test("what is not UTF-8", () => {
    expect(wrongWith(new Uint8Array([0x61, 0xff]))).toEqual(["1:1: the file is not in UTF-8"]);
  });

  test("aliases that stand for billions", () => {
    const lines = Array.from({ length: 12 }, (_, i) => {
      const items = i === 0 ? Array(10).fill(1) : Array(10).fill(`*a${i - 1}`);
      return `  - &a${i} [${items.join(", ")}]`;
    });
    expect(wrongWith(`rules:\n${lines.join("\n")}`)).toEqual([
      "8:10: rules[6][0] is *a5; its aliases stand for more than 2000000 values",
    ]);
  });

  test("what is nested without end", () => {
    expect(wrongWith("[".repeat(500) + "]".repeat(500))).toEqual([
      "1:66: the file is nested too deeply; wanted at most 64 levels",
    ]);
    expect(wrongWith("[".repeat(100_000)).length).toBeGreaterThan(0);
  });
});

describe("other sections", () => {
  const sections = {
    receivers: list(
      "receivers",
      record({ fields: { name: text("a name", (name) => name !== "") }, build: (read) => read }),
      0,
      10,
    ),
    route: z.strictObject({ receiver: z.string() }).optional(),
  };

  test("stand beside the rules, each read by its own schema", () => {
    const file = parseRulesFile("rules.yaml", "receivers: [{ name: ops }]\nroute: { receiver: ops }\n", sections);
    expect(file.sections).toEqual({ receivers: [{ name: "ops" }], route: { receiver: "ops" } });
    expect(parseRulesFile("rules.yaml", "", sections).sections).toEqual({ receivers: [], route: undefined });
  });

  test("are told about in the same way, also what only others can tell", () => {
    const text = "receivers: [{ name: ops }, { nam: x }]\nroute: { receiver: 5, group: a }\nrout: 1\nrules: [5]";
    expect(linesOf(() => parseRulesFile("rules.yaml", text, sections))).toEqual([
      "1:28: receivers[1].name is missing; wanted a name",
      "1:30: receivers[1].nam is unknown; did you mean name?",
      "2:20: route.receiver: Invalid input: expected string, received number",
      "2:23: route.group is unknown",
      "3:1: rout is unknown; did you mean route?",
      expect.stringMatching(/^4:9: rules\[0\] is 5; wanted a map of name, metric/),
    ]);
    const { errorOf } = parseRulesFile("rules.yaml", "route:\n  receiver: opps\n", sections);
    const problem = { path: ["route", "receiver"], text: 'is "opps"; wanted a receiver', isKey: false };
    expect(
      linesOf(() => {
        throw errorOf([problem]);
      }),
    ).toEqual(['2:13: route.receiver is "opps"; wanted a receiver']);
  });
});
