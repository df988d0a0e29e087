/** The fenced blocks of README.md and docs/. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

export interface FencedBlock {
  /** Such as "docs/alerts.md". */
  readonly page: string;
  /** From 1. */
  readonly line: number;
  /** Empty where none is said. */
  readonly language: string;
  readonly text: string;
}

export function fencedBlocks(): FencedBlock[] {
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...pages.sort().map((name) => `docs/${name}`)].flatMap(blocksOf);
}

function blocksOf(page: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let begun: { line: number; fence: string; language: string; lines: string[] } | undefined;
  readFileSync(join(ROOT, page), "utf8")
    .split("\n")
    .forEach((text, i) => {
      const [, fence, language] = /^ *(```+)(\S*)/.exec(text) ?? [];
      if (begun !== undefined && text.trim() === begun.fence) {
        const { line, lines } = begun;
        blocks.push({ page, line, language: begun.language, text: `${lines.join("\n")}\n` });
        begun = undefined;
      } else if (begun !== undefined) begun.lines.push(text);
      else if (fence !== undefined) begun = { line: i + 1, fence, language, lines: [] };
    });
  if (begun !== undefined) throw new Error(`${page}:${begun.line}: a block does not end`);
  return blocks;
}
