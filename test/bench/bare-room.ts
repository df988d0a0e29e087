/**
 * One room as grpc-js alone would do it, with nothing of Watchpost: numbers what comes and writes it to everybody else.
 * `bun bare-room.ts`, ready line {"address":…}.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { CollaborationMessageSchema } from "../../src/wire/gen/collaboration_pb.ts";

type Call = ServerDuplexStream<Buffer, Buffer>;

const same = (bytes: Buffer) => bytes;
const here = Buffer.from(toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, { cursor: "here" })));
const calls = new Set<Call>();
let last = 0;

const server = new Server({ "grpc.enable_channelz": 0 });
const method = {
  path: "/analytics.Collaboration/JoinSession",
  requestStream: true,
  responseStream: true,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};
server.addService({ joinSession: method }, { joinSession: join });
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(JSON.stringify({ address: `127.0.0.1:${port}` }));
});

function join(call: Call): void {
  call.on("data", (bytes: Buffer) => {
    if (!calls.has(call)) {
      calls.add(call);
      call.write(here);
      return;
    }
    const number = create(CollaborationMessageSchema, { number: BigInt(++last) });
    // Fields in any order, one message behind the other, are one message.
    const numbered = Buffer.concat([bytes, toBinary(CollaborationMessageSchema, number)]);
    for (const other of calls) if (other !== call) other.write(numbered);
  });
  for (const event of ["end", "error", "cancelled"]) call.on(event, () => calls.delete(call));
}
