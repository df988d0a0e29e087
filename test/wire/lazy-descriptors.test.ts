import { expect, test } from "bun:test";
import { toBinary, type DescFile, type DescMessage, type DescMethod } from "@bufbuild/protobuf";
import { fileDesc as wholeFile } from "@bufbuild/protobuf/codegenv2";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { enumDesc, fileDesc, messageDesc, serviceDesc } from "../../src/wire/lazy-descriptors.ts";

const gen = `${import.meta.dir}/../../src/wire/gen`;
const modules = await Promise.all(
  [...new Bun.Glob("**/*_pb.ts").scanSync(gen)].map((name) => import(`${gen}/${name}`) as Promise<object>),
);
/** By name, as the library reads them. */
const wholes = new Map<string, DescFile>();
for (const file of modules.flatMap((module) => Object.values(module)).filter(isFile)) add(file);

function add(file: DescFile): DescFile {
  if (file.proto.name.startsWith("google/protobuf/")) return file;
  let found = wholes.get(file.name);
  if (found === undefined) {
    found = wholeFile(base64Of(file), file.dependencies.map(add));
    wholes.set(file.name, found);
  }
  return found;
}

/** As generated code makes it, of nothing that was read. */
function lazyOf(whole: DescFile): DescFile {
  const imports = whole.dependencies.map((file) => (wholes.has(file.name) ? lazyOf(file) : file));
  return fileDesc(base64Of(whole), imports);
}

test("names and methods are known of files that nobody reads, and what is read is what the library reads", () => {
  expect(wholes.size).toBe(modules.length);
  for (const whole of wholes.values()) {
    const file = lazyOf(whole);
    const services = whole.services.map((_, i) => serviceDesc(file, i));
    const messages = whole.messages.map((_, i) => messageDesc(file, i));
    const methods = services.flatMap((service) => service.methods);
    expect(messages.map(({ typeName }) => typeName as string)).toEqual(whole.messages.map(({ typeName }) => typeName));
    expect(methods.map(shownMethod)).toEqual(whole.services.flatMap((service) => service.methods.map(shownMethod)));
    const asked: [object, object][] = [
      [file, whole],
      ...[...messages, ...services, ...methods].map((lazy, i): [object, object] => [
        lazy,
        [...whole.messages, ...whole.services, ...whole.services.flatMap((service) => service.methods)][i],
      ]),
    ];
    for (const [lazy, known] of asked) expect(Object.keys(known).filter((key) => !(key in lazy))).toEqual([]);
    expect(Object.keys(file)).toEqual([]);
    expect(messages.map((message) => Object.keys(message))).toEqual(messages.map(() => ["typeName"]));

    expect(messages.map((message) => shownMessage(message as never))).toEqual(whole.messages.map(shownMessage));
    expect(services.map((service) => String(service))).toEqual(whole.services.map(String));
    expect(services.flatMap((service) => service.methods)).toEqual(methods);
    for (const method of methods) expect(method.proto.name).toBe(method.name);
    // A method's messages are those of the code that calls it.
    for (const { input } of methods) {
      if (input.file.name === file.name) expect(messages as unknown[]).toContain(input);
    }
  }
});

test("what is nested, and enums", () => {
  for (const whole of wholes.values()) {
    const file = lazyOf(whole);
    whole.enums.forEach((expected, i) => {
      const found = enumDesc(file, i);
      expect([found.typeName, found.values.map(String)]).toEqual([expected.typeName, expected.values.map(String)]);
    });
    whole.messages.forEach((outer, i) => {
      outer.nestedMessages.forEach((expected, j) =>
        expect(shownMessage(messageDesc(file, i, j) as never)).toEqual(shownMessage(expected)),
      );
      outer.nestedEnums.forEach((expected, j) => expect(String(enumDesc(file, i, j))).toBe(String(expected)));
    });
  }
});

function shownMethod({
  kind,
  name,
  localName,
  methodKind,
  input,
  output,
  idempotency,
  deprecated,
  parent,
}: DescMethod) {
  const types = [input.typeName, output.typeName, parent.typeName];
  return { kind, name, localName, methodKind, types, idempotency, deprecated };
}

function shownMessage({ kind, typeName, fields, members, oneofs, deprecated, parent, file }: DescMessage) {
  const texts = [...fields, ...members, ...oneofs].map(String);
  return { kind, typeName, texts, deprecated, parent: parent?.typeName, file: file.name };
}

function base64Of(file: DescFile): string {
  return base64Encode(toBinary(FileDescriptorProtoSchema, file.proto));
}

function isFile(value: unknown): value is DescFile {
  return (value as { kind?: unknown } | null)?.kind === "file";
}
