/** The independent client in Python, which knows the descriptors of the contract alone. */
import { join } from "node:path";
import { working } from "../support/needs.ts";

const root = join(import.meta.dir, "../..");
export const PYTHON = "/usr/bin/python3";

/** For `testNeeding`. */
export const pythonMissing = working("Debian's python3-grpcio", [PYTHON, "-c", "import grpc, google.protobuf"]);

/** Writes them into `dir`. */
export function contractDescriptors(dir: string): string {
  const descriptors = join(dir, "contract.binpb");
  const contract = join(root, "test/fixtures/contract");
  const buf = Bun.spawnSync([join(root, "node_modules/.bin/buf"), "build", contract, "-o", descriptors]);
  if (buf.exitCode !== 0) throw new Error(buf.stderr.toString());
  return descriptors;
}

/** What `contract_client.py` saw; `args`: address, and over TLS an authority, a certificate and its key. */
export async function pythonContractClient(dir: string, args: readonly string[]) {
  const script = join(import.meta.dir, "contract_client.py");
  const client = Bun.spawn([PYTHON, script, contractDescriptors(dir), ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(client.stdout).text(), new Response(client.stderr).text()]);
  if ((await client.exited) !== 0) throw new Error(err);
  return JSON.parse(out);
}
