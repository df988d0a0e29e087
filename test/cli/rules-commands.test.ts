/** `watchpost rules` over a server of its own. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { WatchpostError } from "../../src/model/errors.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { RuleInfoSchema, type RuleInfo } from "../../src/wire/gen/rules_pb.ts";
import { unary } from "../../src/wire/service.ts";
import { program, testNeeding } from "../support/needs.ts";
import { startToyServer } from "../support/toy-server.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-rules");
}, 120_000);

beforeEach(async () => {
  file("base.yaml", BASE);
  await rig.ok(["rules", "apply", "base.yaml", "--prune", "--yes"]);
});

afterAll(() => rig.close());

const BASE = `rules:
  - name: cold
    metric: base
    condition: { threshold: { below: -20 } }
  - name: hot
    metric: base
    condition: { threshold: { above: 80, clear: 75 } }
    for: 30s
    severity: high
`;

function file(name: string, text: string): string {
  writeFileSync(join(rig.dir, name), text);
  return name;
}

const rows = (out: string) => out.split("\n").map((line) => line.trim().split(/ {2,}/));
const names = async () => (await jsonList()).map(({ name }) => name);

async function jsonList(): Promise<Record<string, unknown>[]> {
  const lines = (await rig.ok(["rules", "list", "--json"])).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("apply", () => {
  test("creates, changes, and leaves alone what is the same; says which fields differ", async () => {
    const changed = BASE.replace("above: 80", "above: 90").replace("severity: high", "severity: critical");
    file("more.yaml", `${changed}  - { name: new, metric: other, condition: { stuck: { over: 5m } } }\n`);
    expect(await rig.run(["rules", "apply", "more.yaml", "--dry-run"])).toEqual({
      code: 0,
      err: "",
      out: [
        "unchanged  cold",
        "to change  hot   condition, severity",
        "to create  new",
        "3 rules: 1 to create, 1 to change, 1 unchanged; nothing was changed",
        "",
      ].join("\n"),
    });
    expect(await names()).toEqual(["cold", "hot"]);
    expect(await rig.run(["rules", "apply", "more.yaml"])).toEqual({
      code: 0,
      err: "",
      out: [
        "unchanged  cold",
        "changed    hot   condition, severity  no series matches yet",
        "created    new   no series matches yet",
        "3 rules: 1 created, 1 changed, 1 unchanged",
        "",
      ].join("\n"),
    });
    expect(await rig.ok(["rules", "apply", "more.yaml"])).toEndWith("\n3 rules: 3 unchanged\n");
  }, 120_000);

  test("tells which alerts a change ends, and ends them", async () => {
    await rig.ok(["rules", "apply", "-"], {
      stdin: "rules: [{ name: ends, metric: t, where: [device=e], condition: { threshold: { above: 1 } } }]",
    });
    await rig.send("e", 5);
    await rig.untilActive("e", "medium");
    const said = (out: string) => out.split("\n")[0];
    const apply = (rule: string, ...flags: string[]) => {
      return rig.ok(["rules", "apply", "-", ...flags], { stdin: `rules: [${rule}]` });
    };
    const same = "{ name: ends, metric: t, where: [device=e], title: x, condition: { threshold: { above: 1 } } }";
    expect(said(await apply(same))).toBe("changed    ends  title  1 series");
    const other = same.replace("above: 1", "above: 2");
    expect(said(await apply(other, "--dry-run"))).toBe("to change  ends  condition  ends 1 alert");
    expect(said(await apply(other))).toBe("changed    ends  condition  ended 1 alert  1 series");
    expect(await rig.ok(["alerts", "--cleared"])).toContain("rule changed");
    expect(said(await apply(other.replace("title", "disabled: true, title")))).toBe(
      "changed    ends  disabled  disabled",
    );
  }, 120_000);

  test("sends nothing where anything is wrong, and says all that is, with file, line and column", async () => {
    file("good.yaml", "rules: [{ name: good, metric: x, condition: { threshold: { above: 1 } } }]");
    file("bad.yaml", "rules:\n  - name: a b\n    metric: x\n    condition: { threshold: {} }\n    sevrity: low\n");
    file("twice.yaml", "rules:\n  - name: good\n    metric: y\n    condition: { threshold: { above: 1 } }\n");
    file("broken.yaml", "rules: [\n");
    const files = ["good.yaml", "bad.yaml", "nowhere.yaml", "twice.yaml", "broken.yaml", "good.yaml"];
    const { code, out, err } = await rig.run(["rules", "apply", ...files]);
    expect([code, out]).toEqual([2, ""]);
    for (const sentence of [
      'bad.yaml:2:11: rules[0].name is "a b"; wanted',
      "bad.yaml:4:29: rules[0].condition.threshold has neither above nor below",
      "bad.yaml:5:5: rules[0].sevrity is unknown; did you mean severity?",
      "nowhere.yaml cannot be read",
      'twice.yaml:2:11: rules[0].name is "good"; wanted another name: good.yaml has this one',
      "broken.yaml:",
      "\nnothing was changed\n",
    ]) {
      expect(err).toContain(sentence);
    }
    expect(await names()).toEqual(["cold", "hot"]);
  }, 120_000);

  test("takes the rules of a file that also says who is told, and says that this is not applied", async () => {
    file("server.yaml", `${BASE}route: { receiver: ops }\nreceivers: [{ name: ops }]\n`);
    file("link.yaml", "rules: []\nexternal_url: https://example.com\n");
    expect(await rig.run(["rules", "apply", "server.yaml", "link.yaml"])).toEqual({
      code: 0,
      out: "unchanged  cold\nunchanged  hot\n2 rules: 2 unchanged\n",
      err: [
        "server.yaml: route, receivers: only the rules are applied; these sections count in the server's own rules file (alerts.rules_file) alone",
        "link.yaml: external_url: only the rules are applied; this section counts in the server's own rules file (alerts.rules_file) alone",
        "",
      ].join("\n"),
    });
  }, 120_000);

  test("without a server says so, after what is wrong with the files", async () => {
    const nowhere = ["--server", "127.0.0.1:1"];
    const { code, err } = await rig.run(["rules", "apply", "base.yaml", ...nowhere]);
    expect([code, err]).toEqual([1, expect.stringContaining("ECONNREFUSED")]);
    const wrong = await rig.run(["rules", "apply", "-", ...nowhere], { stdin: "rules: 5" });
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("standard input:1:8: rules is 5; wanted") });
  }, 120_000);

  test("prunes only when told so: without a terminal with --yes, and never for files without rules", async () => {
    file("one.yaml", "rules: [{ name: one, metric: x, condition: { threshold: { above: 1 } } }]");
    expect(await rig.run(["rules", "apply", "one.yaml", "--prune"])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("say --yes to prune without asking, or --dry-run"),
    });
    const dry = await rig.ok(["rules", "apply", "one.yaml", "--prune", "--dry-run"]);
    expect(dry).toContain("to delete  cold\nto delete  hot\n3 rules: 1 to create, 2 to delete; nothing was changed\n");
    expect(await rig.run(["rules", "apply", "-", "--prune", "--yes"], { stdin: "rules: []" })).toMatchObject({
      code: 2,
      err: expect.stringContaining("--prune would delete all that the server has"),
    });
    expect(await names()).toEqual(["cold", "hot"]);
    const pruned = await rig.ok(["rules", "apply", "one.yaml", "--prune", "--yes"]);
    expect(pruned).toEndWith("deleted    cold\ndeleted    hot\n3 rules: 1 created, 2 deleted\n");
    expect(await names()).toEqual(["one"]);
  }, 120_000);

  testNeeding([program("script")])(
    "asks on a terminal before it prunes, and takes only yes for yes",
    async () => {
      file("one.yaml", "rules: [{ name: one, metric: x, condition: { threshold: { above: 1 } } }]");
      const prune = (answer: string) => rig.onTerminal(["rules", "apply", "one.yaml", "--prune"], answer);
      for (const answer of ["\n", "no\n", "\x03", "\x04"]) {
        const { code, out } = await prune(answer);
        expect([code, out]).toEqual([1, expect.stringContaining("nothing was changed")]);
        expect(out).toContain("  cold\r\n  hot\r\n");
        expect(out).not.toContain("AbortError");
      }
      expect(await names()).toEqual(["cold", "hot"]);
      expect(await prune("y\n")).toMatchObject({ code: 0, out: expect.stringContaining("2 deleted") });
      expect(await names()).toEqual(["one"]);
      // There is nothing to ask about.
      expect((await prune("")).out).toContain("1 rule: 1 unchanged");
    },
    120_000,
  );

  test("where it breaks off, says how far it came", async () => {
    const rules = Array.from(
      { length: 3 },
      (_, i) => `{ name: r${i}, metric: x, condition: { threshold: { above: ${i} } } }`,
    );
    await using toy = await startToyServer([
      unary(Alerts.method.listRules, async () => ({})),
      unary(Alerts.method.putRule, async ({ rule }) => {
        if (rule!.name === "r1") throw new WatchpostError("RESOURCE_EXHAUSTED", "the disk is full");
        return { rule: rule!, created: true };
      }),
    ]);
    expect(
      await rig.run(["rules", "apply", "-", "--server", toy.address], { stdin: `rules: [${rules.join(", ")}]` }),
    ).toEqual({
      code: 1,
      out: "created    r0  no series matches yet\n",
      err: "error: r1: the disk is full; 1 of 3 were done, apply again to go on\n",
    });
  }, 120_000);
});

describe("list", () => {
  test("a table with what is watched for in words, and how it stands", async () => {
    file(
      "words.yaml",
      `rules:
  - { name: w1, metric: t, where: [device=l], condition: { threshold: { above: 80, clear: 75 } }, for: 30s, severity: high }
  - { name: w2, metric: "*", condition: { absence: { after: 5m } }, disabled: true }
  - name: w3
    metric: t
    condition: { ladder: { steps: [{ severity: low, above: 1e6 }, { severity: critical, above: 2e6, clear: 1.5e6 }] } }
    keep_firing_for: 1h30m
  - { name: w4, condition: { watchdog: {} }, severity: low }
`,
    );
    await rig.ok(["rules", "apply", "words.yaml"]);
    await rig.send("l", 99);
    // Points are judged after their ack.
    while (!/for 30s +1 +1 /.test(await rig.ok(["rules", "list", "w"]))) await Bun.sleep(10);
    expect(rows(await rig.ok(["rules", "list", "w"]))).toEqual([
      ["NAME", "SEVERITY", "METRIC", "CONDITION", "SERIES", "PENDING", "FIRING"],
      ["w1", "high", "t", "above 80, clear 75, for 30s", "1", "1", "0"],
      ["w2", "medium", "*", "nothing heard for 5m", "0", "0", "0", "disabled"],
      [
        "w3",
        "low to critical",
        "t",
        "low above 1000000; critical above 2000000, clear 1500000, keeps firing for 1h30m",
        expect.stringMatching(/^\d+$/),
        "0",
        "0",
      ],
      ["w4", "low", "-", "always", "0", "0", "1"],
      [""],
    ]);
    expect(await rig.ok(["rules", "list", "x"])).toBe('no rule begins with "x"\n');
    const [first] = await jsonList();
    expect(first).toEqual({
      name: "cold",
      metric: "base",
      condition: { threshold: { below: -20, clear: -20 } },
      severity: "medium",
      for: "0s",
      keep_firing_for: "0s",
      no_data: "keep",
      title: expect.any(String),
      series: expect.any(Number),
      pending: 0,
      firing: 0,
    });
  }, 120_000);

  test("all of them, however many pages that are", async () => {
    const rules = Array.from(
      { length: 5 },
      (_, i) => `{ name: r${i}, metric: x, condition: { threshold: { above: ${i} } } }`,
    );
    const standing: RuleInfo[] = [];
    await using toy = await startToyServer([
      unary(Alerts.method.listRules, async ({ after, prefix }) => {
        const found = standing.filter(({ rule }) => rule!.name > after && rule!.name.startsWith(prefix));
        return { rules: found.slice(0, 2), total: BigInt(standing.length), more: found.length > 2 };
      }),
      unary(Alerts.method.putRule, async ({ rule }) => {
        standing.push(create(RuleInfoSchema, { rule }));
        return { rule, created: true };
      }),
    ]);
    const at = ["--server", toy.address];
    file("many.yaml", `rules: [${rules.join(", ")}]`);
    expect(await rig.ok(["rules", "apply", "many.yaml", ...at])).toEndWith("5 rules: 5 created\n");
    expect(rows(await rig.ok(["rules", "list", "r", ...at])).map(([name]) => name)).toEqual([
      "NAME",
      "r0",
      "r1",
      "r2",
      "r3",
      "r4",
      "",
    ]);
    expect(await rig.ok(["rules", "apply", "many.yaml", ...at])).toEndWith("5 rules: 5 unchanged\n");
  }, 120_000);

  test("says where there are none", async () => {
    await rig.ok(["rules", "delete", "cold", "hot"]);
    expect(await rig.ok(["rules", "list"])).toBe("there are no rules; watchpost rules apply FILE puts some\n");
  }, 120_000);
});

describe("get", () => {
  test("prints what apply takes, by names and globs, once each", async () => {
    const out = await rig.ok(["rules", "get", "hot", "h*", "cold"]);
    expect(out).toStartWith("rules:\n  - name: hot\n    metric: base\n");
    expect(out.split("- name:").length).toBe(3);
    expect(await rig.ok(["rules", "apply", "-"], { stdin: out })).toEndWith("2 rules: 2 unchanged\n");
    await rig.ok(["rules", "delete", "cold", "hot"]);
    expect(await rig.ok(["rules", "apply", "-"], { stdin: out })).toEndWith("2 rules: 2 created\n");
    expect(await rig.ok(["rules", "get", "*"])).toBe(await rig.ok(["rules", "get", "cold", "hot"]));
  }, 120_000);

  test("fails where there is none, and prints nothing then", async () => {
    expect(await rig.run(["rules", "get", "hot", "nope"])).toEqual({
      code: 1,
      out: "",
      err: 'error: there is no rule "nope"\n',
    });
  }, 120_000);
});

describe("delete", () => {
  test("ends alerts; what there is not is said, and the others go", async () => {
    await rig.ok(["rules", "apply", "-"], { stdin: "rules: [{ name: dog, condition: { watchdog: {} } }]" });
    expect(await rig.run(["rules", "delete", "dog", "nope", "hot", "dog"])).toEqual({
      code: 1,
      out: "deleted  dog  ended 1 alert\ndeleted  hot\n",
      err: 'error: there is no rule "nope"\n',
    });
    expect(await names()).toEqual(["cold"]);
  }, 120_000);
});

test("rules from the server's own file are shown as such, and left alone", async () => {
  const own = await startCommandRig("cli-file-rules");
  try {
    writeFileSync(join(own.dir, "own.yaml"), BASE);
    writeFileSync(join(own.dir, "settings.toml"), `[alerts]\nrules_file = "${join(own.dir, "own.yaml")}"\n`);
    await own.restart(undefined, ["--config", join(own.dir, "settings.toml")]);
    expect(rows(await own.ok(["rules", "list"])).map((row) => row.at(-1))).toEqual([
      "FIRING",
      "from file",
      "from file",
      "",
    ]);
    expect(await own.run(["rules", "delete", "hot"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("comes from"),
    });
    // The same may be applied, another one may not, and nobody prunes them.
    expect(await own.ok(["rules", "apply", "-"], { stdin: BASE })).toContain("2 rules: 2 unchanged");
    const other = { stdin: BASE.replace("above: 80", "above: 90") };
    expect(await own.run(["rules", "apply", "-"], other)).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining('the server has "hot" from its own rules file, otherwise than here'),
    });
    const one = { stdin: "rules: [{ name: one, metric: x, condition: { threshold: { above: 1 } } }]" };
    expect(await own.ok(["rules", "apply", "-", "--prune", "--yes"], one)).toEndWith("1 rule: 1 created\n");
  } finally {
    await own.close();
  }
}, 120_000);

test("an escalation policy that the server's file does not have is said before anything is sent, and of what stands", async () => {
  const own = await startCommandRig("cli-policies");
  try {
    const file = join(own.dir, "own.yaml");
    const sections = "route: { receiver: desk }\nreceivers: [{ name: desk }]\n";
    const policy = "escalations: [{ name: plant, steps: [{ after: 0s, notify: desk }] }]\n";
    writeFileSync(file, sections + policy);
    writeFileSync(join(own.dir, "settings.toml"), `[alerts]\nrules_file = "${file}"\n`);
    const settings = ["--config", join(own.dir, "settings.toml")];
    await own.restart(undefined, settings);
    const rule = (name: string, escalation: string) =>
      `  - { name: ${name}, metric: x, condition: { threshold: { above: 1 } }, escalation: ${escalation} }\n`;
    for (const more of [[], ["--dry-run"]]) {
      const stdin = `rules:\n${rule("one", "plant")}${rule("two", "plnt")}`;
      expect(await own.run(["rules", "apply", "-", ...more], { stdin })).toEqual({
        code: 2,
        out: "",
        err: 'error: two: escalation is "plnt"; did you mean plant? (plant)\nnothing was changed\n',
      });
    }
    await own.ok(["rules", "apply", "-"], { stdin: `rules:\n${rule("one", "plant")}` });
    writeFileSync(file, sections);
    await own.restart(undefined, settings);
    const trouble = 'there is no escalation policy "plant": its alerts do not escalate';
    expect(await own.ok(["rules", "list"])).toContain(trouble);
    expect(JSON.parse(await own.ok(["rules", "list", "--json"]))).toMatchObject({ name: "one", trouble });
  } finally {
    await own.close();
  }
}, 120_000);

test("what cannot be meant is said, with exit code 2", async () => {
  for (const [args, sentence] of [
    [["rules"], "Usage: watchpost rules"],
    [["rules", "aply"], "unknown command 'aply'\n(Did you mean apply?)"],
    [["rules", "apply"], "missing required argument 'file'"],
    [["rules", "get"], "missing required argument 'name'"],
    [["rules", "delete"], "missing required argument 'name'"],
    [["rules", "list", "--server", "x"], '--server is "x"; wanted'],
  ] as const) {
    expect(await rig.run(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(sentence) });
  }
}, 120_000);
