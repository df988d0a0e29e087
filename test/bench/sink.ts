/**
 * A stand-in server that throws everything away, to see what the senders could send: raw grpc-js for UploadData, a bare
 * HTTP/1.1 reader for line protocol. `bun sink.ts CONFIG_JSON`, ready line {"address":…}.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerReadableStream, type sendUnaryData } from "@grpc/grpc-js";
import { UploadResponseSchema } from "../../src/wire/gen/ingestion_pb.ts";

export interface SinkConfig {
  readonly kind: "grpc" | "http";
  /** Counted for each message, which is not looked into. */
  readonly messagePoints: number;
}

async function grpcSink(messagePoints: number): Promise<string> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  const method = {
    path: "/analytics.DataIngestion/UploadData",
    requestStream: true,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  };
  server.addService(
    { uploadData: method },
    {
      uploadData(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
        let batches = 0;
        call.on("data", () => batches++);
        call.on("end", () => {
          const pointsProcessedTotal = BigInt(batches * messagePoints);
          const response = create(UploadResponseSchema, { pointsProcessedTotal, batchesTotal: BigInt(batches) });
          answer(null, Buffer.from(toBinary(UploadResponseSchema, response)));
        });
      },
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  return `127.0.0.1:${await promise}`;
}

function httpSink(): string {
  const server = Bun.listen<{ head: string; left: number }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { head: "", left: 0 };
      },
      data(socket, bytes) {
        const request = socket.data;
        let body = bytes.length;
        if (request.left === 0) {
          const end = bytes.indexOf("\r\n\r\n");
          request.left = Number(/Content-Length: (\d+)/.exec(bytes.toString("latin1", 0, end))![1]);
          body -= end + 4;
        }
        request.left -= body;
        if (request.left === 0) socket.write("HTTP/1.1 204 No Content\r\n\r\n");
      },
    },
  });
  return `127.0.0.1:${server.port}`;
}

const { kind, messagePoints } = JSON.parse(process.argv[2]) as SinkConfig;
console.log(JSON.stringify({ address: kind === "grpc" ? await grpcSink(messagePoints) : httpSink() }));
