import type { Page } from "./browser.ts";

/** What makes one scroll sideways; empty: nothing is wider than the window. */
export function tooWide(page: Page): Promise<string[]> {
  return page.ask(`(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const over = [...document.body.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > clientWidth + 1);
    return over.slice(0, 3).map((each) => "too wide by " + (scrollWidth - clientWidth) + " px: " + each.outerHTML.slice(0, 150));
  })()`);
}
