/** Links of README.md and docs/ lead to files and headings that there are. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./fenced-blocks.ts";

const pages = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)].filter((path) =>
  path.endsWith(".md"),
);

test("every link within the repository leads somewhere, and README.md names every page", () => {
  const links = pages.flatMap(linksOf);
  expect(links.length).toBeGreaterThan(100);
  const dead = links.filter(({ target, anchor }) => {
    return !existsSync(target) || (anchor !== "" && !anchorsOf(target).has(anchor));
  });
  expect(dead).toEqual([]);
  const named = new Set(links.filter(({ page }) => page === "README.md").map(({ target }) => target));
  expect(pages.filter((page) => page !== "README.md" && !named.has(join(ROOT, page)))).toEqual([]);
});

function linksOf(page: string) {
  const text = withoutCode(readFileSync(join(ROOT, page), "utf8"));
  return [...text.matchAll(/\]\((?![a-z]+:)([^)#\s]*)#?([^)\s]*)\)/g)].map(([, path, anchor]) => {
    return { page, target: path === "" ? join(ROOT, page) : join(ROOT, dirname(page), path), anchor };
  });
}

/** As GitHub makes them of headings. */
function anchorsOf(file: string): Set<string> {
  const headings = withoutCode(readFileSync(file, "utf8")).matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, text]) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function withoutCode(text: string): string {
  return text.replaceAll(/^ *```.*?^ *```$/gms, "");
}
