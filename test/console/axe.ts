/** What axe-core finds wrong with a page for people who do not see it, or do not point at things. */
import { join } from "node:path";
import type { Page } from "./browser.ts";

const source = Bun.file(join(import.meta.dir, "../../node_modules/axe-core/axe.min.js"));
const GRAVE = ["serious", "critical"];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Serious and critical ones, a line each. Evaluated by the debugger, which the page's policy does not hold back. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.ask<boolean>("'axe' in window")))
    await page.tell("Runtime.evaluate", { expression: await source.text() });
  const options = { resultTypes: ["violations"], runOnly: { type: "tag", values: TAGS } };
  const found = await page.ask<Violation[]>(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, nodes })))`,
  );
  return found
    .filter(({ impact }) => GRAVE.includes(impact))
    .flatMap(({ id, impact, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id} (${impact}): ${html.slice(0, 200)}: ${failureSummary}`),
    );
}
