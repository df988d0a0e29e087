/** gzip for answers over Connect and gRPC-Web, where their readers take it; requests are taken as they are. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";

/** Shorter ones do not get shorter. */
export const COMPRESS_BYTES_MIN = 1024;
const WHERE_REQUESTS_SAY_IT = ["content-encoding", "connect-content-encoding", "grpc-encoding"];
const pack = promisify<Uint8Array, { level: number }, Buffer<ArrayBuffer>>(gzip);

/** The quickest level: of live values, which are sent each second to many, it takes the most part for a third of the time. */
export const answerCompression: Compression = {
  name: "gzip",
  compress: (bytes) => pack(bytes, { level: constants.Z_BEST_SPEED }),
  decompress: async () => {
    throw new ConnectError("requests are taken uncompressed", Code.Unimplemented);
  },
};

/** Why a request is not taken; undefined: it is. */
export function packedRequest(headers: Headers): string | undefined {
  const header = WHERE_REQUESTS_SAY_IT.find((name) => (headers.get(name) ?? "identity") !== "identity");
  if (header === undefined) return undefined;
  return `${header} is ${JSON.stringify(headers.get(header))}; wanted a request as it is: gRPC takes gzip`;
}
