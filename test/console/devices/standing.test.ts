import { expect, test } from "bun:test";
import { Standing } from "../../../src/console/data/standing.ts";

const shown = (standing: Standing<string>) => [...standing.all.value.values()].join();

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(5);
}

test("the first time what stands is shown as it comes; later what stood before stays until all of it has come", async () => {
  const standing = new Standing<string>();
  standing.begin();
  standing.put("1", "a");
  await until(() => shown(standing) === "a");
  expect(standing.isKnown.value).toBe(false);
  standing.put("2", "b");
  standing.known();
  expect([shown(standing), standing.isKnown.value]).toEqual(["a,b", true]);

  standing.put("3", "c");
  await until(() => shown(standing) === "a,b,c");
  standing.begin();
  standing.put("1", "A");
  expect(shown(standing)).toBe("a,b,c");
  standing.known();
  expect(shown(standing)).toBe("A");
});

test("many changes are shown at once, the last of each; what is removed goes", async () => {
  const standing = new Standing<string>();
  standing.begin();
  standing.known();
  let times = -1;
  standing.all.subscribe(() => times++);
  for (const value of ["a", "b", "c"]) standing.put("1", value);
  standing.put("2", "x");
  standing.put("2", undefined);
  expect([standing.get("1"), standing.get("2")]).toEqual(["c", undefined]);
  await until(() => shown(standing) === "c");
  expect(times).toBe(1);
});

test("while all of it comes anew, what is asked for is as it came, not as it stood before", () => {
  const standing = new Standing<string>();
  standing.begin();
  standing.put("1", "revision 7");
  standing.known();

  standing.begin();
  expect(standing.get("1")).toBeUndefined();
  standing.put("1", "revision 5");
  expect(standing.get("1")).toBe("revision 5");
  standing.known();
  expect([standing.get("1"), shown(standing)]).toEqual(["revision 5", "revision 5"]);
});
