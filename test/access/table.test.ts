import { expect, test } from "bun:test";
import { loginRoutes } from "../../src/access/login.ts";
import { calledAs } from "../../src/access/route-paths.ts";
import { checkTabled, needFor, tabled } from "../../src/access/table.ts";
import { influxRoutes } from "../../src/ingestion/doors/influx.ts";
import { otlpRoutes } from "../../src/ingestion/doors/otlp.ts";
import { remoteWriteRoutes } from "../../src/ingestion/doors/remote-write.ts";
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

test("who is refused a route hears where it is", () => {
  const nothing = {} as never;
  const routes = [loginRoutes, influxRoutes, remoteWriteRoutes, otlpRoutes].flatMap((routesOf) => routesOf(nothing));
  for (const { name, path } of routes) expect(calledAs(name)).toBe(path);
  for (const name of tabled()) expect(calledAs(name)).toContain("/");
});
