/** A page that goes through all views, and what keeps somebody out of them: axe-core's findings, and what is wider than the window. */
import { violations } from "./axe.ts";
import { Page } from "./browser.ts";
import type { PageAddress } from "./furnish.ts";

/** What all names and texts of a furnished server have in them. */
export const WORD = "pump";

/** What of it is wrong, by view; `look`: what is wrong with the one that is shown. */
export async function lookAtAll(
  page: Page,
  http: string,
  addresses: readonly PageAddress[],
  isFull: boolean,
  look: (page: Page) => Promise<string[]> = keepsOut,
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  await page.open(`http://${http}/nowhere`);
  await page.shows("live");
  for (const { name, path, shows = WORD, showsEmpty } of addresses) {
    const wanted = isFull ? shows : showsEmpty;
    await page.go(path);
    await page.until(async () => (await mainText(page)).includes(wanted), `showed ${wanted} at ${path}`);
    const wrong = await look(page);
    if (wrong.length > 0) found[name] = wrong;
  }
  return found;
}

async function keepsOut(page: Page): Promise<string[]> {
  return [...(await violations(page)), ...(await tooWide(page))];
}

function mainText(page: Page): Promise<string> {
  return page.ask("document.querySelector('main')?.innerText ?? ''");
}

/** What makes one scroll sideways. */
export function tooWide(page: Page): Promise<string[]> {
  return page.ask(`(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const over = [...document.body.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > clientWidth + 1);
    return over.slice(0, 3).map((each) => "too wide by " + (scrollWidth - clientWidth) + " px: " + each.outerHTML.slice(0, 150));
  })()`);
}
