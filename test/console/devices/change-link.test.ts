import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { placeOf } from "../../../src/console/data/change-link.ts";
import { sparkPoints } from "../../../src/console/parts/spark-points.ts";
import { ChangeSchema } from "../../../src/wire/gen/server_pb.ts";

test.each<[MessageInitShape<typeof ChangeSchema>, object | undefined]>([
  [{ kind: "alert", subject: "a/1" }, { parts: ["alerts", "a/1"] }],
  [{ kind: "device", event: "status", subject: "d" }, { parts: ["devices", "d"] }],
  [{ kind: "device", event: "deleted", subject: "d" }, undefined],
  [{ kind: "rule", event: "changed", subject: "hot" }, { parts: ["alerts", "rules", "hot"] }],
  [{ kind: "rule", event: "deleted", subject: "hot" }, undefined],
  [
    { kind: "annotation", metric: "t", device: "d" },
    { parts: ["explore"], params: { metric: "t", device: "d" } },
  ],
  [{ kind: "annotation", device: "d" }, { parts: ["devices", "d"] }],
  [{ kind: "annotation" }, undefined],
  [{ kind: "of a later version", subject: "x" }, undefined],
])("%p leads to %p", (change, place) => {
  expect(placeOf(create(ChangeSchema, change))).toEqual(place as never);
});

test("a line in small goes from edge to edge, and from 0 to the largest; of one value there is none", () => {
  expect(sparkPoints([0, 5, 10], 100, 12)).toBe("0,11 50,6 100,1");
  expect(sparkPoints([0, 0], 100, 12)).toBe("0,11 100,11");
  expect(sparkPoints([1], 100, 12)).toBe("");
});
