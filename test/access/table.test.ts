import { expect, test } from "bun:test";
import { checkTabled, needFor, tabled } from "../../src/access/table.ts";
import { accessRig } from "./rig.ts";

test("what nobody has given a place keeps a server from starting", async () => {
  const { methods } = await accessRig();
  checkTabled(methods.map(({ method }) => `${method.parent.typeName}/${method.name}`));
  expect(() => checkTabled(["analytics.Dashboard/QueryRange", "analytics.Dashboard/Unheard", "http.secret"])).toThrow(
    "nobody has said who may call analytics.Dashboard/Unheard, http.secret",
  );
  expect(needFor("constructor")).toBeUndefined();
});

test("nothing stands in it twice", () => {
  const names = [...tabled()];
  expect(names.length).toBeGreaterThan(80);
  const text = names.join("\n");
  expect(new Set(text.split("\n")).size).toBe(names.length);
});
