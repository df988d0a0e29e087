import { test } from "bun:test";

type TestBody = () => void | Promise<void>;
type TestWithReason = (name: string, body: TestBody, timeoutMs?: number) => void;

/**
 * `test` where everything it needs is there; otherwise a skipped test whose reason is printed. With
 * WATCHPOST_TEST_SKIP=never, as in CI, what is missing fails instead.
 */
export function testNeeding(missing: readonly (string | false)[]): TestWithReason {
  const reasons = missing.filter((reason) => reason !== false);
  return (name, body, timeoutMs) => {
    if (reasons.length === 0) return test(name, body, timeoutMs);
    const reason = `needs ${reasons.join(" and ")}`;
    if (process.env["WATCHPOST_TEST_SKIP"] === "never") {
      return test(name, () => {
        throw new Error(`${reason}, and nothing may be skipped here`);
      });
    }
    console.log(`skipped: ${name}: ${reason}`);
    return test.skip(`${name} (${reason})`, body, timeoutMs);
  };
}

/** For {@link testNeeding}: the program's name unless it can be run. */
export function program(name: string): string | false {
  return Bun.which(name) === null ? name : false;
}

/** For {@link testNeeding}: false when `command` succeeds. */
export function working(what: string, command: string[]): string | false {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).exitCode === 0 ? false : what;
  } catch {
    return what;
  }
}
