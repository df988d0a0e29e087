import { expect, test } from "bun:test";
import { parseRedisUrl, shownRedisUrl } from "../../../src/cluster/redis/redis-url.ts";

const PLAIN = { isEncrypted: false, user: "", password: "", database: 0, master: "" };

test("addresses of all kinds", () => {
  expect(parseRedisUrl("redis://h")).toEqual({ ...PLAIN, kind: "single", hosts: [{ host: "h", port: 6379 }] });
  expect(parseRedisUrl("redis://[::1]:7/3")).toEqual({
    ...{ ...PLAIN, kind: "single", database: 3 },
    hosts: [{ host: "::1", port: 7 }],
  });
  expect(parseRedisUrl("rediss://ann:p%40ss@h:1")).toEqual({
    ...{ ...PLAIN, kind: "single", isEncrypted: true, user: "ann", password: "p@ss" },
    hosts: [{ host: "h", port: 1 }],
  });
  expect(parseRedisUrl("redis://:secret@h")).toMatchObject({ user: "", password: "secret" });
  expect(parseRedisUrl("redis+sentinel://a,b:2/main/4")).toEqual({
    ...{ ...PLAIN, kind: "sentinel", master: "main", database: 4 },
    hosts: [
      { host: "a", port: 26379 },
      { host: "b", port: 2 },
    ],
  });
  expect(parseRedisUrl("rediss+cluster://a:1,b:2")).toMatchObject({ kind: "cluster", isEncrypted: true });
});

test("what is none", () => {
  const wrong = [
    "",
    "none",
    "h",
    "http://h",
    "redis://",
    "redis://h:0",
    "redis://h:70000",
    "redis://a,b",
    "redis://h/x",
  ];
  const more = [
    "redis+sentinel://h",
    "redis+cluster://h/1",
    "redis://h/1/2",
    "redis://%zz@h",
    "redis://h/-1",
    "redis://h?db=1",
  ];
  for (const text of [...wrong, ...more]) expect(parseRedisUrl(text)).toBeUndefined();
});

test("nobody is shown the password", () => {
  expect(shownRedisUrl("redis://ann:secret@h:1/2")).toBe("redis://…@h:1/2");
  expect(shownRedisUrl("redis://ann:se/cr/et@h/2")).toBe("redis://…@h/2");
  expect(shownRedisUrl("redis://h")).toBe("redis://h");
});
