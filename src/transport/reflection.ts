/** gRPC server reflection, v1 and v1alpha, over the descriptors in the generated code. */
import { toBinary, type DescFile, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { statusCodeOf } from "../wire/status.ts";
import { ServerReflection as ReflectionAlpha } from "../wire/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../wire/gen/grpc/reflection/v1/reflection_pb.ts";
import { bidiStreaming, type MethodImpl } from "../wire/service.ts";

type Answer = Exclude<ServerReflectionResponse["messageResponse"], { case: undefined }>;
type AnswerInit = { case: Answer["case"]; value: Record<string, unknown> };

/** Serves the files of `services` and what they import. */
export function reflectionMethods(services: readonly DescService[]): MethodImpl[] {
  // Most servers are never asked, and files are read only then.
  let index: DescriptorIndex | undefined;
  async function* run(requests: AsyncIterable<unknown>) {
    index ??= new DescriptorIndex(services);
    for await (const request of requests as AsyncIterable<ServerReflectionRequest>) {
      yield { validHost: request.host, originalRequest: request, messageResponse: index.answer(request) } as never;
    }
  }
  return [
    bidiStreaming(ServerReflection.method.serverReflectionInfo, run),
    // The same messages under another package name.
    bidiStreaming(ReflectionAlpha.method.serverReflectionInfo, run),
  ];
}

class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #fileOfSymbol = new Map<string, DescFile>();
  readonly #services: string[] = [];

  constructor(services: readonly DescService[]) {
    for (const { file } of services) this.#add(file);
  }

  answer({ messageRequest }: ServerReflectionRequest): AnswerInit {
    switch (messageRequest.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: this.#services.map((name) => ({ name })) } };
      case "fileByFilename":
        return this.#file(this.#files.get(messageRequest.value), `file ${messageRequest.value}`);
      case "fileContainingSymbol":
        return this.#file(this.#fileOfSymbol.get(messageRequest.value), `symbol ${messageRequest.value}`);
      case "allExtensionNumbersOfType":
        if (!this.#fileOfSymbol.has(messageRequest.value)) return notFound(`type ${messageRequest.value}`);
        return { case: "allExtensionNumbersResponse", value: { baseTypeName: messageRequest.value } };
      case "fileContainingExtension":
        return notFound(`extension of ${messageRequest.value.containingType}`);
      default:
        return failure("INVALID_ARGUMENT", "the request asks for nothing");
    }
  }

  #add(file: DescFile): void {
    const name = `${file.name}.proto`;
    if (this.#files.has(name)) return;
    this.#files.set(name, file);
    file.dependencies.forEach((dependency) => this.#add(dependency));
    for (const service of file.services) {
      this.#services.push(service.typeName);
      this.#fileOfSymbol.set(service.typeName, file);
      for (const method of service.methods) this.#fileOfSymbol.set(`${service.typeName}.${method.name}`, file);
    }
    const messages = [...file.messages];
    for (let message = messages.pop(); message !== undefined; message = messages.pop()) {
      this.#fileOfSymbol.set(message.typeName, file);
      for (const field of message.fields) this.#fileOfSymbol.set(`${message.typeName}.${field.name}`, file);
      for (const nested of message.nestedEnums) this.#fileOfSymbol.set(nested.typeName, file);
      messages.push(...message.nestedMessages);
    }
    for (const each of file.enums) this.#fileOfSymbol.set(each.typeName, file);
  }

  #file(file: DescFile | undefined, what: string): AnswerInit {
    if (file === undefined) return notFound(what);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto: [...this.#closure(file)].map(bytesOf) } };
  }

  /** The file and everything it imports. */
  #closure(file: DescFile, found = new Set<DescFile>()): Set<DescFile> {
    if (found.has(file)) return found;
    found.add(file);
    file.dependencies.forEach((dependency) => this.#closure(dependency, found));
    return found;
  }
}

function bytesOf(file: DescFile): Uint8Array {
  return toBinary(FileDescriptorProtoSchema, file.proto);
}

function notFound(what: string): AnswerInit {
  return failure("NOT_FOUND", `there is no ${what} here`);
}

function failure(status: "NOT_FOUND" | "INVALID_ARGUMENT", errorMessage: string): AnswerInit {
  return { case: "errorResponse", value: { errorCode: statusCodeOf(status), errorMessage } };
}
