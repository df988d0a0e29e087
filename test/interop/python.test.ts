/** An independent client, Debian's python3-grpcio, with stubs of the contract alone. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { contractDescriptors, PYTHON, pythonContractClient, pythonMissing } from "./python-client.ts";

const dir = tempDir("python");
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data: join(dir.path, "data") });
});

afterAll(async () => {
  await server.stop();
  dir[Symbol.dispose]();
});

testNeeding([pythonMissing])(
  "uploads, subscribes, cancels, hits deadlines, uses gzip, sends what is too large and what is garbage",
  async () => {
    const seen = await pythonContractClient(dir.path, [server.grpc]);
    expect(seen.upload).toEqual({
      batch_id: true,
      processed: 5,
      failed: 1,
      errors: [`batch 2 ("b"), point 0 ("0"): metric_name is "not ok"; wanted letters, digits, '_' and '.' only`],
    });
    expect(seen.gzip).toMatchObject({ processed: 1000, failed: 0 });
    expect(seen.unknown_fields).toMatchObject({ processed: 1, failed: 0 });
    expect(seen.garbage).toMatchObject({
      processed: 1,
      errors: [expect.stringMatching(/^batch 0: malformed protobuf/)],
    });
    expect(seen.bad_utf8).toMatchObject({ failed: 1, errors: ["batch 0, point 0: metric_name is not valid UTF-8"] });
    expect(seen.absurd_varint.errors).toEqual([expect.stringMatching(/^batch 0: malformed protobuf .* ten bytes$/)]);
    expect(seen.too_many_points).toMatchObject({ processed: 1, failed: 10001 });
    expect(seen.oversized.code).toBe("RESOURCE_EXHAUSTED");
    expect(seen.after_oversized).toMatchObject({ processed: 1 });
    expect(seen.first).toEqual({
      names: [
        "py.after:python",
        "py.gzip:python",
        "py.later:python",
        "py.many:python",
        "py.ok:python",
        "py.unknown:python",
      ],
      granted: 1000,
      id: true,
    });
    expect(seen.joined).toBe(true);
    expect(seen.cancelled).toBe("CANCELLED");
    expect(seen.deadline).toBe("DEADLINE_EXCEEDED");
    expect(seen.upload_deadline).toBe("DEADLINE_EXCEEDED");
    expect(seen.no_names).toMatchObject({
      code: "INVALID_ARGUMENT",
      details: expect.stringContaining('use "*" for all'),
    });
    expect(seen.unimplemented).toBe("UNIMPLEMENTED");
    expect(seen.clamped).toBe(1000);
  },
  120_000,
);

testNeeding([pythonMissing])(
  "two members of a session talk: each hears the other in order, and is confirmed what it said",
  async () => {
    const descriptors = contractDescriptors(dir.path);
    const count = 200;
    const talk = async (user: string, other: string) => {
      const args = [descriptors, server.grpc, "python", user, other, String(count)];
      const client = Bun.spawn([PYTHON, join(import.meta.dir, "talking_client.py"), ...args], {
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err] = await Promise.all([new Response(client.stdout).text(), new Response(client.stderr).text()]);
      if ((await client.exited) !== 0) throw new Error(err);
      return JSON.parse(out);
    };
    const [ann, ben] = await Promise.all([talk("ann", "ben"), talk("ben", "ann")]);
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    for (const [seen, other] of [
      [ann, "ben"],
      [ben, "ann"],
    ]) {
      expect(seen.heard).toEqual(numbers.map((i) => [other, `${other} says ${i} – ü ☃`]));
      expect(seen.confirmed.map(([id]: [string]) => id)).toEqual(numbers.map(String));
      expect(seen.refused).toEqual(["INVALID_ARGUMENT"]);
      expect(seen.code).toBe("OK");
      expect(seen.events.slice(0, 1)).toEqual(["snapshot"]);
    }
    const all = [...ann.confirmed, ...ben.confirmed].map(([, number]) => number).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 2 * count }, (_, i) => all[0] + i));
  },
  120_000,
);
