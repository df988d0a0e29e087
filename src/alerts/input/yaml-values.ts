/** What the nodes of a YAML document stand for: aliases and merge keys (`<<`) put in place, within bounds. */
import { isAlias, isMap, isScalar, isSeq, type Alias, type ParsedNode, type YAMLMap } from "yaml";
import type { Path } from "./problem.ts";

/** With what aliases stand for: a few lines of them can mean billions. */
const VALUES_MAX = 2_000_000;
const DEPTH_MAX = 64;
const MERGE_KEY = "<<";

export type YamlNode = ParsedNode | null;
type MapNode = YAMLMap.Parsed;

export interface YamlValues {
  /** Maps are objects without a prototype. */
  readonly value: unknown;
  /** The node at a path, or the last one on the way there; of a key that is wrong the key. */
  nodeAt(path: Path, isKey: boolean): YamlNode;
}

/** Where a node begins, and what is wrong with it. */
export type Refuse = (node: YamlNode, path: Path, text: string) => void;

interface Anchored {
  readonly node: YamlNode;
  readonly value: unknown;
  /** Of all values it stands for. */
  readonly count: number;
}

export function valuesOf(root: YamlNode, refuse: Refuse): YamlValues {
  const anchors = new Map<string, Anchored>();
  const targets = new Map<Alias, YamlNode>();
  /** Anchors of the nodes that are being read. */
  const open = new Set<string>();
  let count = 0;
  let isOver = false;

  function read(node: YamlNode, path: Path): unknown {
    if (isOver) return null;
    if (path.length > DEPTH_MAX) return stop(node, [], `is nested too deeply; wanted at most ${DEPTH_MAX} levels`);
    if (isAlias(node)) return readAlias(node, path);
    const before = count++;
    const anchor = node?.anchor;
    if (anchor !== undefined) open.add(anchor);
    const value = readContent(node, path);
    if (anchor !== undefined) {
      open.delete(anchor);
      anchors.set(anchor, { node, value, count: count - before });
    }
    if (count <= VALUES_MAX || isOver) return value;
    return stop(node, path, `is one of too many values; wanted at most ${VALUES_MAX}`);
  }

  function readAlias(alias: Alias.Parsed, path: Path): unknown {
    const anchored = open.has(alias.source) ? undefined : anchors.get(alias.source);
    if (anchored === undefined) {
      refuse(alias, path, `is *${alias.source}; wanted an alias of something that ends before it`);
      return null;
    }
    targets.set(alias, anchored.node);
    count += anchored.count;
    if (count <= VALUES_MAX) return anchored.value;
    return stop(alias, path, `is *${alias.source}; its aliases stand for more than ${VALUES_MAX} values`);
  }

  function readContent(node: Exclude<YamlNode, Alias.Parsed>, path: Path): unknown {
    if (isMap(node)) return readMap(node as MapNode, path);
    if (isSeq(node)) return node.items.map((item, i) => read(item as YamlNode, [...path, i]));
    return isScalar(node) ? node.value : null;
  }

  function readMap(map: MapNode, path: Path): Record<string, unknown> {
    const values: Record<string, unknown> = Object.create(null);
    const merged: unknown[] = [];
    for (const { key, value } of map.items) {
      const name = nameOf(key);
      if (Object.hasOwn(values, name)) refuse(key, [...path, name], "is there a second time");
      else if (isMergeKey(key)) merged.push(...sourcesOf(value, [...path, name]));
      else values[name] = read(value, [...path, name]);
    }
    for (const source of merged) {
      for (const [name, value] of Object.entries(source as object)) {
        if (!Object.hasOwn(values, name)) values[name] = value;
      }
    }
    return values;
  }

  /** The maps that a merge key names; the first that has a key counts. */
  function sourcesOf(value: YamlNode, path: Path): unknown[] {
    const sources = [read(value, path)].flat();
    if (sources.every((source) => typeof source === "object" && source !== null)) return sources;
    refuse(value, path, "is no map; wanted a map, or a list of maps, to merge");
    return [];
  }

  function stop(node: YamlNode, path: Path, text: string): null {
    isOver = true;
    refuse(node, path, text);
    return null;
  }

  const target = (node: YamlNode): YamlNode => (isAlias(node) ? (targets.get(node) ?? null) : node);

  function childOf(node: YamlNode, part: string | number, isKey: boolean): YamlNode | undefined {
    const parent = target(node);
    if (isSeq(parent)) return parent.items[part as number] as YamlNode | undefined;
    if (!isMap(parent)) return undefined;
    const { items } = parent as MapNode;
    const own = items.find(({ key }) => nameOf(key) === String(part));
    if (own !== undefined) return isKey ? own.key : (own.value ?? own.key);
    for (const { value } of items.filter(({ key }) => isMergeKey(key))) {
      const source = target(value);
      for (const each of isSeq(source) ? (source.items as YamlNode[]) : [source]) {
        const found = childOf(each, part, isKey);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  return {
    value: read(root, []),
    nodeAt(path, isKey) {
      let node = root;
      for (const [i, part] of path.entries()) {
        const child = childOf(node, part, isKey && i === path.length - 1);
        if (child === undefined) break;
        node = child;
      }
      return node;
    },
  };
}

function nameOf(key: YamlNode): string {
  return isScalar(key) ? String(key.value) : "";
}

function isMergeKey(key: YamlNode): boolean {
  return isScalar(key) && key.value === MERGE_KEY && key.type === "PLAIN";
}
