import { expect, test } from "bun:test";
import { tellApart } from "../../src/cli/tell-apart.ts";

const series = (name: string, device: string, tags: Record<string, string> = {}) => ({
  name,
  device,
  tags: { device, ...tags },
});

test("series of one name and device are told apart by as few tags as do it", () => {
  const tags = (port: string, unit: string, site = "north") => ({ site, unit, port, also_port: port });
  expect(
    tellApart([
      series("t:s", "d1", tags("1", "C")),
      series("t:s", "d1", tags("2", "C")),
      series("t:s", "d1", tags("2", "F")),
      series("t:s", "d1", { site: "north" }),
      series("t:s", "d2", tags("1", "C")),
      series("u:s", "d1", tags("1", "C")),
    ]),
  ).toEqual(["also_port=1,unit=C", "also_port=2,unit=C", "also_port=2,unit=F", "", "", ""]);
  expect(tellApart([])).toEqual([]);
});
