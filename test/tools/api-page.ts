/** docs/api.md, made of the protos with their comments, the routes over HTTP, and the table of who may call what. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorSetSchema,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  type MethodDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import { loginRoutes } from "../../src/access/login.ts";
import { needFor } from "../../src/access/table.ts";
import { influxRoutes } from "../../src/ingestion/doors/influx.ts";
import { otlpRoutes } from "../../src/ingestion/doors/otlp.ts";
import { remoteWriteRoutes } from "../../src/ingestion/doors/remote-write.ts";
import { ROLES } from "../../src/model/access.ts";
import { WEB_ROUTES } from "../../src/transport/web-server.ts";
import type { HttpRoute } from "../../src/wire/http-route.ts";

const PACKAGE = "analytics";
const HEAD = `# All calls

<!-- Made by \`bun run gen\` from proto/, src/access/table.ts and the routes. -->

Each method is served over gRPC, and over HTTP by Connect and gRPC-Web: \`POST /analytics.Service/Method\` with JSON (\`curl --json\`) or
protobuf. In JSON, fields are called in lowerCamelCase, times are RFC 3339 text, durations text such as \`"1.5s"\`, and 64-bit numbers text.
What streams to the server is for gRPC alone. The files in [proto](../proto) are what clients are generated from; reflection tells the same.

With each method stands who may call it ([security](security.md)). "Everything" is a token without a scope. Where there is no
credential at all, whoever reaches the server is its admin.
`;

/** What the web server answers by itself, by name: how it is called, and what for. */
const OWN_ROUTES: Readonly<Record<string, readonly [call: string, summary: string]>> = {
  "http.healthz": ["GET /healthz", "whether the process answers"],
  "http.readyz": ["GET /readyz", "whether it takes and serves points; 503 with the reason where not"],
  "http.console": ["GET /", "the console and its files, for browsers"],
  "http.tunnel": ["GET /tunnel", "the console's WebSocket, through which its calls go"],
  "http.front": ["GET /", "what there is to call, for whoever is no browser"],
  "http.live": ["GET /live", "live values as Server-Sent Events ([watching](watching.md))"],
  "http.metrics": [
    "GET /metrics",
    "Prometheus metrics of the server itself ([operating](operating.md#health-and-metrics))",
  ],
};

/** `image`: what `buf build` makes of proto/. */
export function apiPage(image: Uint8Array): string {
  const { file } = fromBinary(FileDescriptorSetSchema, image);
  const own = file.filter((each) => each.package === PACKAGE);
  const services = own.flatMap(servicesOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  const types = own.flatMap(typesOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    HEAD.trimEnd(),
    "## Services",
    ...services.map(({ text }) => text),
    "## Plain HTTP",
    routesText(),
    "## Messages and enums",
    ...types.map(({ text }) => text),
  ].join("\n\n");
}

interface Section {
  readonly name: string;
  readonly text: string;
}

type CommentAt = (...path: number[]) => string;

function commentsOf({ sourceCodeInfo }: FileDescriptorProto): CommentAt {
  const byPath = new Map(
    sourceCodeInfo?.location.map(({ path, leadingComments, trailingComments }) => [
      path.join(),
      (leadingComments || trailingComments || "").trim().replaceAll(/\s*\n\s*/g, " "),
    ]),
  );
  return (...path) => marked(byPath.get(path.join()) ?? "");
}

/** Names and patterns stay as they are in Markdown. */
function marked(comment: string): string {
  return comment.replaceAll(/(?<!`)(\S*[_*<>]\S*)(?!`)/g, (word) => (/^[-_*<>=]+$/.test(word) ? word : codeOf(word)));
}

function codeOf(word: string): string {
  const [, before, inner, after] = /^([("']*)(.*?)([)"'.,;:]*)$/.exec(word)!;
  return inner.includes("`") ? word : `${before}\`${inner}\`${after}`;
}

function servicesOf(file: FileDescriptorProto): Section[] {
  const comment = commentsOf(file);
  return file.service.map(({ name, method }, i) => {
    const methods = method.map((each, j) => methodText(`${PACKAGE}.${name}`, each, comment(6, i, 2, j)));
    return { name, text: [`### ${name}`, comment(6, i), methods.join("\n")].filter(Boolean).join("\n\n") };
  });
}

function methodText(service: string, method: MethodDescriptorProto, comment: string): string {
  const { name, inputType, outputType, clientStreaming, serverStreaming } = method;
  const kind = (isStream: boolean, type: string) => `${isStream ? "stream of " : ""}${typeLink(type)}`;
  const call = `${kind(clientStreaming, inputType)} → ${kind(serverStreaming, outputType)}`;
  return `- **\`${name}\`** (${call}), ${who(`${service}/${name}`)}.${comment === "" ? "" : ` ${comment}`}`;
}

function who(name: string): string {
  const need = needFor(name);
  if (need === undefined) throw new Error(`nobody has said who may call ${name}: it belongs into src/access/table.ts`);
  const { roles, isForEverything, isDeed, isForNodes } = need;
  if (isForNodes) return "the other nodes alone, by their key";
  const all = roles.length === ROLES.length ? "any role" : roles.join(", ");
  const whole = isForEverything ? " of everything" : "";
  return `${roles.length === 0 ? "anybody" : all}${whole}${isDeed ? "; audited" : ""}`;
}

function routesText(): string {
  // What routes stand on is used by their calls alone.
  const nothing = {} as never;
  const found: HttpRoute[] = [
    ...loginRoutes(nothing),
    ...influxRoutes(nothing),
    ...remoteWriteRoutes(nothing),
    ...otlpRoutes(nothing),
  ];
  const own = WEB_ROUTES.map((name) => {
    if (OWN_ROUTES[name] === undefined) throw new Error(`test/tools/api-page.ts does not say how ${name} is called`);
    return { name, call: OWN_ROUTES[name][0], summary: OWN_ROUTES[name][1] };
  });
  const others = found.map(({ name, methods, path, summary }) => {
    return { name, call: `${methods.join(" or ")} ${path}`, summary };
  });
  return [...own, ...others].map(({ name, call, summary }) => `- \`${call}\`, ${who(name)}: ${summary}.`).join("\n");
}

function typesOf(file: FileDescriptorProto): Section[] {
  const comment = commentsOf(file);
  return [
    ...file.messageType.flatMap((each, i) => messageTexts(each, "", comment, [4, i])),
    ...file.enumType.map((each, i) => enumText(each, "", comment, [5, i])),
  ];
}

function messageTexts(
  message: DescriptorProto,
  within: string,
  comment: CommentAt,
  path: readonly number[],
): Section[] {
  if (message.options?.mapEntry === true) return [];
  const name = within + message.name;
  const lines = message.field.map((field, i) => {
    const said = comment(...path, 2, i);
    // 0 where it is not set, too.
    const isChoice = Object.hasOwn(field, "oneofIndex") && !field.proto3Optional;
    const oneOf = isChoice ? `, one of \`${message.oneofDecl[field.oneofIndex].name}\`` : "";
    return `- \`${field.name}\` = ${field.number}, ${fieldType(field, message)}${oneOf}${said === "" ? "" : `: ${said}`}`;
  });
  const text = [`### ${name}`, comment(...path), lines.join("\n")].filter(Boolean).join("\n\n");
  return [
    { name, text },
    ...message.nestedType.flatMap((each, i) => messageTexts(each, `${name}.`, comment, [...path, 3, i])),
    ...message.enumType.map((each, i) => enumText(each, `${name}.`, comment, [...path, 4, i])),
  ];
}

function enumText(given: EnumDescriptorProto, within: string, comment: CommentAt, path: readonly number[]): Section {
  const name = within + given.name;
  const lines = given.value.map((value, i) => {
    const said = comment(...path, 2, i);
    return `- \`${value.name}\` = ${value.number}${said === "" ? "" : `: ${said}`}`;
  });
  return { name, text: [`### ${name}`, comment(...path), lines.join("\n")].filter(Boolean).join("\n\n") };
}

function fieldType(field: FieldDescriptorProto, within: DescriptorProto): string {
  const entry = within.nestedType.find(({ name, options }) => {
    return options?.mapEntry === true && field.typeName.endsWith(`.${within.name}.${name}`);
  });
  if (entry !== undefined) return `map of ${plainType(entry.field[0])} to ${plainType(entry.field[1])}`;
  const type = plainType(field);
  if (field.label === FieldDescriptorProto_Label.REPEATED) return `list of ${type}`;
  return field.proto3Optional ? `optional ${type}` : type;
}

function plainType({ type, typeName }: FieldDescriptorProto): string {
  if (typeName !== "") return typeLink(typeName);
  return FieldDescriptorProto_Type[type].toLowerCase();
}

/** ".analytics.Alert" as what leads to it. */
function typeLink(typeName: string): string {
  const name = typeName.slice(1);
  if (!name.startsWith(`${PACKAGE}.`)) return `\`${name}\``;
  const own = name.slice(PACKAGE.length + 1);
  return `[${own}](#${own.toLowerCase().replaceAll(".", "")})`;
}
