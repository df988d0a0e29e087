/**
 * What generated code is made of, in place of `@bufbuild/protobuf/codegenv2`: descriptors that are read once somebody looks into
 * them. Reading all of them was a fifth of a server's start, and most processes need a few. Names of messages and methods of
 * services are known without, so a server that registers them reads nothing. test/tools/generate.ts has generated code import this.
 */
import type { DescEnum, DescFile, DescMessage, DescMethod, DescService, Message } from "@bufbuild/protobuf";
import * as codegen from "@bufbuild/protobuf/codegenv2";
import type { GenEnum, GenFile, GenMessage, GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import { base64Decode, BinaryReader } from "@bufbuild/protobuf/wire";

/** Field numbers of google/protobuf/descriptor.proto. */
const NAME = 1;
const FILE = { package: 2, message: 4, service: 6 } as const;
const SERVICE = { method: 2 } as const;
const METHOD = { input: 2, output: 3, options: 4, clientStreaming: 5, serverStreaming: 6 } as const;
const IDEMPOTENCY_UNKNOWN = 0;

/** What is known of a file before it is read. */
interface Outline {
  readonly package: string;
  readonly imports: readonly DescFile[];
  /** At the top of the file, in its order. */
  readonly messages: readonly DescMessage[];
  readonly services: readonly Uint8Array[];
}

const outlines = new WeakMap<DescFile, Outline>();
/** How the whole descriptor behind a lazy one is come by. */
const wholes = new WeakMap<object, () => object>();

const TYPE_KEYS = ["typeName", "name", "file", "parent", "deprecated", "proto"];
const FILE_SHAPE = shapeOf("file", [
  ...["edition", "name", "dependencies", "enums", "messages", "extensions", "services", "deprecated", "proto"],
]);
const MESSAGE_SHAPE = shapeOf("message", [
  ...[...TYPE_KEYS, "fields", "field", "oneofs", "members", "nestedEnums", "nestedMessages", "nestedExtensions"],
]);
const ENUM_SHAPE = shapeOf("enum", [...TYPE_KEYS, "open", "values", "value", "sharedPrefix"]);
const SERVICE_SHAPE = shapeOf("service", TYPE_KEYS);
const METHOD_SHAPE = shapeOf("rpc", ["idempotency", "deprecated", "proto"]);

export function fileDesc(base64: string, imports: readonly DescFile[] = []): GenFile {
  const outline = { package: "", imports, messages: [] as DescMessage[], services: [] as Uint8Array[] };
  const file = lazy<DescFile>(FILE_SHAPE, {}, () => codegen.fileDesc(base64, imports.map(whole)));
  for (const [number, reader] of fieldsOf(base64Decode(base64))) {
    if (number === FILE.package) outline.package = `${reader.string()}.`;
    else if (number === FILE.service) outline.services.push(reader.bytes());
    else if (number === FILE.message) {
      const place = outline.messages.length;
      const typeName = outline.package + nameIn(reader.bytes());
      outline.messages.push(lazy<DescMessage>(MESSAGE_SHAPE, { typeName }, () => whole(file).messages[place]));
    }
  }
  outlines.set(file, outline);
  return file;
}

export function messageDesc<Shape extends Message>(file: DescFile, ...path: [number, ...number[]]): GenMessage<Shape> {
  const found =
    path.length === 1
      ? outlines.get(file)!.messages[path[0]]
      : lazy<DescMessage>(MESSAGE_SHAPE, {}, () => codegen.messageDesc(whole(file), ...path));
  return found as GenMessage<Shape>;
}

export function enumDesc<Shape extends number>(file: DescFile, ...path: [number, ...number[]]): GenEnum<Shape> {
  return lazy<DescEnum>(ENUM_SHAPE, {}, () => codegen.enumDesc(whole(file), ...path)) as GenEnum<Shape>;
}

export function serviceDesc<T extends GenServiceMethods>(file: DescFile, place: number): GenService<T> {
  const outline = outlines.get(file)!;
  const bytes = outline.services[place];
  const name = nameIn(bytes);
  const known = {
    name,
    typeName: outline.package + name,
    methods: [] as DescMethod[],
    method: {} as DescService["method"],
  };
  const service = lazy<DescService>(SERVICE_SHAPE, known, () => whole(file).services[place]);
  for (const [number, reader] of fieldsOf(bytes)) {
    if (number !== SERVICE.method) continue;
    const at = known.methods.length;
    const method = methodOf(reader.bytes(), service, outline, () => whole(service).methods[at]);
    known.methods.push(method);
    known.method[method.localName] = method;
  }
  return service as GenService<T>;
}

function methodOf(bytes: Uint8Array, parent: DescService, outline: Outline, read: () => DescMethod): DescMethod {
  let [name, input, output] = ["", "", ""];
  let [isClientStreaming, isServerStreaming, hasOptions] = [false, false, false];
  for (const [number, reader] of fieldsOf(bytes)) {
    if (number === NAME) name = reader.string();
    else if (number === METHOD.input) input = reader.string();
    else if (number === METHOD.output) output = reader.string();
    else if (number === METHOD.clientStreaming) isClientStreaming = reader.bool();
    else if (number === METHOD.serverStreaming) isServerStreaming = reader.bool();
    else if (number === METHOD.options) hasOptions = true;
  }
  const streaming = isClientStreaming ? (isServerStreaming ? "bidi" : "client") : isServerStreaming ? "server" : "";
  const known = {
    name,
    // No method is called as what every object has.
    localName: name[0].toLowerCase() + name.slice(1),
    parent,
    methodKind: streaming === "" ? ("unary" as const) : (`${streaming}_streaming` as const),
    input: messageNamed(input, outline),
    output: messageNamed(output, outline),
    ...(hasOptions ? {} : { idempotency: IDEMPOTENCY_UNKNOWN, deprecated: false }),
  };
  return lazy<DescMethod>(METHOD_SHAPE, known, read);
}

/** Of the file or what it imports; the name has a dot before it. */
function messageNamed(name: string, { messages, imports }: Outline): DescMessage {
  const all = [messages, ...imports.map((file) => outlines.get(file)?.messages ?? file.messages)];
  const found = all.flat().find(({ typeName }) => `.${typeName}` === name);
  if (found === undefined)
    throw new Error(`a method has ${name}, which is not at the top of its file or of one that this imports`);
  return found;
}

/** An object of that shape which gets what is not known from the whole one, all at once, when it is first asked. */
function lazy<T extends object>(shape: object, known: Partial<T>, read: () => T): T {
  const descriptor = Object.create(shape, Object.getOwnPropertyDescriptors(known)) as T;
  let found: T | undefined;
  wholes.set(descriptor, () => (found ??= read()));
  return descriptor;
}

function shapeOf(kind: string, keys: readonly string[]): object {
  const shape = { kind };
  for (const key of [...keys, "toString"]) {
    Object.defineProperty(shape, key, {
      get() {
        const descriptor = this as Record<string, unknown>;
        for (const [name, value] of Object.entries(whole(descriptor))) {
          // Methods stay the objects that they are: they are keys of maps.
          if (!Object.hasOwn(descriptor, name)) Object.defineProperty(descriptor, name, { value, enumerable: true });
        }
        return descriptor[key];
      },
    });
  }
  return shape;
}

/** Of what is not lazy, itself. */
function whole<T extends object>(descriptor: T): T {
  return (wholes.get(descriptor)?.() ?? descriptor) as T;
}

function nameIn(bytes: Uint8Array): string {
  for (const [number, reader] of fieldsOf(bytes)) if (number === NAME) return reader.string();
  return "";
}

/** Whoever is given a reader takes the field from it, or leaves it. */
function* fieldsOf(bytes: Uint8Array): Generator<[number: number, reader: BinaryReader]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const begin = reader.pos;
    yield [number, reader];
    if (reader.pos === begin) reader.skip(wireType);
  }
}
