/** Reports: what people wrote stays text, whatever it is made of. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { plain, plainLines } from "../../../src/collaboration/replay/plain-markdown.ts";
import { AnnotationSchema } from "../../../src/wire/gen/annotations_pb.ts";
import { IssueSchema, IssueStatus } from "../../../src/wire/gen/issues_pb.ts";
import { AlertChange } from "../../../src/wire/gen/alerts_pb.ts";
import { ExportFormat } from "../../../src/wire/gen/replay_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { ReplayRig, START_MS } from "./replay-rig.ts";

test("nothing in a text formats, links, breaks out of a table or steers", () => {
  expect(plain("# a | b `c` [d](http://e) <f> &amp; *g* _h_ ~i~ !j @k")).toBe(
    "\\# a \\| b \\`c\\` \\[d\\](http\\://e) \\<f\\> \\&amp; \\*g\\* \\_h\\_ \\~i\\~ !j \\@k",
  );
  expect(plain(" a\u202eb\u0000c\ud800 \n d ")).toBe("a\ufffdb\ufffdc\ufffd d");
  expect(plain("1. x\\")).toBe("1\\. x\\\\");
  expect(plain("temp of pump-1 is 82 (high)!")).toBe("temp of pump-1 is 82 (high)!");
  expect(plain("- a www.e.org")).toBe("\\- a www\\.e.org");
  expect(plainLines("a\n\n# b\r\n- c\u2028d", "  ")).toBe("a  \n  \\# b  \n  \\- c  \n  d");
});

test("a report says who, when, what happened, and what came of it", async () => {
  using rig = new ReplayRig();
  await rig.session("s", { metrics: ["temperature"] });
  await rig.say("s", "look\n## at that");
  rig.clock.advance(60_000);
  for (const value of [1, 2, 6]) {
    rig.send([{ metric: "temperature", device: "pump|1", timeMs: rig.clock.nowMs(), value }]);
    rig.clock.advance(60_000);
  }
  await rig.say("s", "done", { userId: "bob", userName: "Bob *B*" });
  const at = (ms: number) => ({ $typeName: "google.protobuf.Timestamp" as const, ...timestampOfMs(ms) });
  rig.annotations = [
    create(AnnotationSchema, {
      id: "1",
      text: "a\n| b",
      author: "ann",
      from: at(START_MS),
      to: at(START_MS + 1_000),
      pin: { metric: "t" },
    }),
    create(AnnotationSchema, { id: "2", text: "gone", removed: true }),
  ];
  rig.issues = [
    create(IssueSchema, {
      number: 3n,
      title: "x <y>",
      status: IssueStatus.IN_PROGRESS,
      priority: "high",
      assignee: "bob",
    }),
  ];
  const report = (await rig.export("s", ExportFormat.MARKDOWN)).toString();
  expect(report.split("\n")).toEqual([
    "# Session s",
    "",
    "- Session: s",
    "- From 2026-11-10T12:00:00Z to 2026-11-10T12:04:00Z (4m)",
    "- Who: Ann (ann), Bob \\*B\\* (bob)",
    "",
    "## What happened",
    "",
    "- 2026-11-10T12:00:00Z **Ann**: look  ",
    "  \\#\\# at that",
    "- 2026-11-10T12:04:00Z **Bob \\*B\\***: done",
    "",
    "## Issues",
    "",
    "- \\#3 x \\<y\\> (in progress, high, assigned to bob)",
    "",
    "## Annotations",
    "",
    "- 2026-11-10T12:00:00Z to 2026-11-10T12:00:01Z t **ann**: a  ",
    "  \\| b",
    "",
    "## Metrics",
    "",
    "| series | points | min | avg | max |",
    "| --- | --: | --: | --: | --: |",
    "| temperature site device=pump\\|1 | 3 | 1 | 3 | 6 |",
    "",
  ]);
});

test("silences are told that were made in it, or held back one of its alerts while it ran; also of an imported one", async () => {
  using rig = new ReplayRig();
  await rig.session("s", { devices: ["pump-1"] });
  const minutes = (count: number) => count * 60_000;
  await rig.silence("over", "pump-1", minutes(1), "before it");
  await rig.silence("long", "pump-[12]", minutes(600), "bearing\n*is* worn");
  await rig.silence("cut", "pump-1", minutes(600));
  rig.clock.advance(minutes(5));
  // Changed before it began: what held was over by then.
  await rig.silence("cut", "pump-9", minutes(600));
  await rig.say("s", "look");
  await rig.alert("a1", AlertChange.FIRED, "pump-1");
  await rig.silence("other", "pump-2", minutes(600));
  await rig.silence("own", "pump-3", minutes(60));
  await rig.say("s", "", { type: "action", metadata: { action: "silence", silence_id: "own" } });
  rig.clock.advance(minutes(5));
  await rig.say("s", "done");
  rig.clock.advance(minutes(5));
  await rig.silence("later", "pump-1", minutes(600));
  await rig.silence("long", "pump-[12]", minutes(1_200), "told after it");
  const silencesIn = (report: Buffer) => /## Silences\n\n([^#]*)\n/.exec(report.toString())?.[1].split("\n");
  const told = [
    '- 2026-11-10T12:00:00Z to 2026-11-10T22:00:00Z device=\\~"pump-\\[12\\]" **eve**: bearing  ',
    "  \\*is\\* worn",
    '- 2026-11-10T12:05:00Z to 2026-11-10T13:05:00Z device=\\~"pump-3" **eve**',
  ];
  expect(silencesIn(await rig.export("s", ExportFormat.MARKDOWN))).toEqual(told);
  const imported = await rig.import(await rig.export("s"), "again");
  expect(silencesIn(await rig.export(imported, ExportFormat.MARKDOWN))).toEqual(told);
});
