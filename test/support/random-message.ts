/** Messages of any kind with values that nobody would send by mistake: extremes, patterns, markup, what is no number. */
import { create, ScalarType, type DescField, type DescMessage, type MessageShape } from "@bufbuild/protobuf";

const TEXTS = [
  ...["", "a", "*", "a|*?", "$site", "..", "/", "0", "-1", "1e999", "null", "__proto__", "constructor", "toString"],
  ...["<img src=x onerror=alert(1)>", "'; drop table x; --", "a\0b", "a\nb", "\u2028", "\u202e", "é", "e\u0301", "🏭"],
  ...["[", "(", "(a+)+$", "\\", "%", "%s", "{{.Value}}", "${x}", "2026-01-01T00:00:00Z", "now-1h", "critical", "lobby"],
  ...["x".repeat(300), "a|".repeat(2_000), "*".repeat(1_000), "🏭".repeat(5_000)],
];
const DOUBLES = [0, -0, 1, -1, 0.1, NaN, Infinity, -Infinity, 1e308, -1e308, 5e-324, 2 ** 53, 2 ** 63];
const INT32S = [0, 1, -1, 2, 100, 1_000, 2 ** 31 - 1, -(2 ** 31)];
const INT64S = [0n, 1n, -1n, 1_000n, 86_400_000n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)];
const ENUMS = [0, 1, 2, 3, 99, -1, 2 ** 31 - 1];
const DEPTH_MAX = 4;
const COUNTS = [0, 1, 1, 2, 3];

/** Of a field, how often it is set. */
const SET = 0.6;

/** `names`: what there is, so that not all is refused at the door. */
export function randomMessage<D extends DescMessage>(
  desc: D,
  random: () => number,
  names: readonly string[] = [],
  depth = 0,
): MessageShape<D> {
  const one = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)];
  const text = () => (names.length > 0 && random() < 0.5 ? one(names) : one(TEXTS));
  const scalar = (type: ScalarType): unknown => {
    switch (type) {
      case ScalarType.STRING:
        return text();
      case ScalarType.BOOL:
        return random() < 0.5;
      case ScalarType.BYTES:
        return Uint8Array.from({ length: Math.floor(random() * 40) }, () => random() * 256);
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        return one(DOUBLES);
      case ScalarType.INT64:
      case ScalarType.SINT64:
      case ScalarType.SFIXED64:
        return one(INT64S);
      case ScalarType.UINT64:
      case ScalarType.FIXED64:
        return one(INT64S.filter((value) => value >= 0n));
      case ScalarType.UINT32:
      case ScalarType.FIXED32:
        return one(INT32S.filter((value) => value >= 0));
      default:
        return one(INT32S);
    }
  };
  const value = (field: DescField | { scalar?: ScalarType; message?: DescMessage }): unknown => {
    if (field.message !== undefined) return randomMessage(field.message, random, names, depth + 1);
    return field.scalar === undefined ? one(ENUMS) : scalar(field.scalar);
  };
  const message = create(desc) as Record<string, unknown>;
  for (const field of desc.fields) {
    if (random() > SET || (field.message !== undefined && depth >= DEPTH_MAX)) continue;
    if (field.oneof !== undefined) message[field.oneof.localName] = { case: field.localName, value: value(field) };
    else if (field.fieldKind === "list") {
      message[field.localName] = Array.from({ length: one(COUNTS) }, () => value(field));
    } else if (field.fieldKind === "map") {
      const entries = Array.from({ length: one(COUNTS) }, () => [scalar(field.mapKey), value(field)] as const);
      message[field.localName] = Object.fromEntries(entries as never);
    } else message[field.localName] = value(field);
  }
  return message as MessageShape<D>;
}

/** What stands in JSON where something else should. */
const MISFITS = [
  null,
  true,
  -1,
  1.5,
  1e300,
  "",
  "NaN",
  "Infinity",
  "x",
  [],
  [null],
  [[]],
  {},
  { a: {} },
  "9".repeat(40),
];

/** An object with names of fields of a message, most of whose values are of another kind; and sometimes no object. */
export function randomJson(desc: DescMessage, random: () => number, depth = 0): unknown {
  const misfit = () => MISFITS[Math.floor(random() * MISFITS.length)];
  if (random() < 0.05) return misfit();
  const fields = desc.fields.filter(() => random() < 0.5);
  const value = (field: DescField) => {
    if (field.message === undefined || depth >= DEPTH_MAX || random() < 0.3) return misfit();
    const inner = randomJson(field.message, random, depth + 1);
    return field.fieldKind === "list" ? [inner, inner] : inner;
  };
  return Object.fromEntries(fields.map((field) => [random() < 0.5 ? field.jsonName : field.name, value(field)]));
}
