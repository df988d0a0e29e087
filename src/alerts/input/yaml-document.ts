/** A file in YAML 1.2: what it holds, and in which line and column each part of it stands. */
import { LineCounter, parseDocument, type ErrorCode } from "yaml";
import { utf8 } from "../../wire/utf8.ts";
import { fileError, sentenceOf, type Place, type Problem } from "./problem.ts";
import { valuesOf, type YamlNode } from "./yaml-values.ts";

const FILE_BYTES_MAX = 16 * 1024 * 1024;
/** In words of ours where the library speaks of its own functions. */
const SENTENCES: Partial<Record<ErrorCode, string>> = {
  NON_STRING_KEY: "a list or a map is no key; wanted a name",
  MULTIPLE_DOCS: "another document begins; wanted one",
};
const START: Place = { line: 1, column: 1 };

export interface YamlDocument {
  /** Maps are objects without a prototype; null where the file is empty. */
  readonly value: unknown;
  /** Of what is wrong; where it is missing, of what it is missing in. */
  placeOf(problem: Problem): Place;
}

/**
 * Throws FAILED_PRECONDITION that names file, line and column of everything that keeps it from being read: what is not
 * UTF-8 or YAML, keys that come twice, tags, aliases that stand for too much.
 */
export function readYaml(file: string, content: string | Uint8Array): YamlDocument {
  const source = textOf(file, content);
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const document = parseDocument(source, {
    lineCounter: lines,
    // Without, the position is told alone, and there is no text of several lines around it.
    prettyErrors: false,
    // The library compares every key with every other.
    uniqueKeys: false,
    stringKeys: true,
    schema: "core",
    resolveKnownTags: false,
    logLevel: "error",
  });
  const wrong = [...document.errors, ...document.warnings].map(({ pos, code, message }) => {
    return { place: placeAt(pos[0]), sentence: SENTENCES[code] ?? message };
  });
  if (wrong.length > 0) throw fileError(file, wrong);
  const placeOfNode = (node: YamlNode) => (node === null ? START : placeAt(node.range[0]));
  const { value, nodeAt } = valuesOf(document.contents, (node, path, text) => {
    wrong.push({ place: placeOfNode(node), sentence: sentenceOf({ path, text, isKey: true }, "") });
  });
  if (wrong.length > 0) throw fileError(file, wrong);
  return { value, placeOf: ({ path, isKey }) => placeOfNode(nodeAt(path, isKey)) };
}

function textOf(file: string, content: string | Uint8Array): string {
  if (Buffer.byteLength(content) > FILE_BYTES_MAX) {
    const sentence = `the file has ${Buffer.byteLength(content)} bytes; wanted at most ${FILE_BYTES_MAX}`;
    throw fileError(file, [{ place: START, sentence }]);
  }
  const source = typeof content === "string" ? content : utf8(content);
  if (source === undefined) throw fileError(file, [{ place: START, sentence: "the file is not in UTF-8" }]);
  return source.replace(/^\ufeff/, "");
}
