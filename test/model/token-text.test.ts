import { expect, test } from "bun:test";
import { tokenIn, withoutTokens } from "../../src/model/token-text.ts";

test("a token is taken out of its line; what cannot be one is refused, and not shown", () => {
  expect(tokenIn("\r\n wp_1_abc \n", "file")).toBe("wp_1_abc");
  expect(() => tokenIn("\n", "upstream.token_file: t")).toThrow(
    "upstream.token_file: t is empty; wanted one on a line of its own, such as wp_…",
  );
  for (const text of ["wp_1\nwp_2", "my secret", "wp_\u0000", "tökên"]) {
    const message = `WATCHPOST_TOKEN has ${text.length} characters that are no token`;
    expect(() => tokenIn(text, "WATCHPOST_TOKEN")).toThrow(message);
    expect(() => tokenIn(text, "WATCHPOST_TOKEN")).not.toThrow(text);
  }
});

test("a token that stands where the name of its file was wanted is not shown", () => {
  const token = `wp_0123456789_${"x-_".repeat(14)}y`;
  expect(withoutTokens(`cannot open '${token}'`)).toBe("cannot open '<secret>'");
  expect(withoutTokens("cannot open '/etc/wp_token.txt'")).toBe("cannot open '/etc/wp_token.txt'");
});
