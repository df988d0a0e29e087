/** What a browser loads of the console, packed as it is sent. */
import type { ConsoleContent } from "../../src/transport/console-files.ts";

export interface LoadSizes {
  /** Before a part can be shown, of the part that takes most: the page, its styles and scripts, and those of that part. */
  readonly firstMax: number;
  readonly all: number;
}

export function loadSizes(content: readonly ConsoleContent[]): LoadSizes {
  const bytes = new Map(content.map(({ name, packed }) => [name, packed.byteLength]));
  const sum = (names: Iterable<string>) => [...names].reduce((total, name) => total + bytes.get(name)!, 0);
  const texts = new Map(content.map(({ name, packed }) => [name, new TextDecoder().decode(Bun.gunzipSync(packed))]));
  const namesIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name);
  const closure = (name: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const other of namesIn(texts.get(name)!, /(?:from|import)"\/([\w-]+\.js)"/g)) closure(other, seen);
    return seen;
  };
  const html = content.find(({ name }) => name.endsWith(".html"))!;
  const first = new Set([html.name, ...namesIn(texts.get(html.name)!, /(?:src|href)="\/([\w-]+\.(?:js|css))"/g)]);
  const [main] = [...first].filter((name) => name.endsWith(".js"));
  for (const name of closure(main)) first.add(name);
  const parts = namesIn(texts.get(main)!, /import\("\/([\w-]+\.js)"\)/g);
  if (parts.length === 0) throw new Error("no part of the console comes by itself");
  return { firstMax: Math.max(...parts.map((part) => sum(first.union(closure(part))))), all: sum(bytes.keys()) };
}
