/** The console's shared parts as one uses them, by keyboard alone, on a page of their own. */
import { afterAll, beforeAll, beforeEach, expect } from "bun:test";
import { join } from "node:path";
import { testNeeding } from "../support/needs.ts";
import { CHROMIUM, Page, servePage } from "./browser.ts";

const test = testNeeding([CHROMIUM]);
let server: Bun.Server<undefined>;
let page: Page;

beforeAll(() => {
  if (CHROMIUM !== false) return;
  server = servePage(join(import.meta.dir, "gallery/index.html"));
  page = new Page();
});

beforeEach(async () => {
  await page?.open(server.url.href);
  await page?.shows("pump-0");
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  await server?.stop(true);
});

const focusOn = (selector: string) => page.ask(`document.querySelector(${JSON.stringify(selector)}).focus()`);
const focused = (is: string) =>
  page.until(() => page.ask(`document.activeElement.matches(${JSON.stringify(is)})`), `focused ${is}`);
const said = (text: string) =>
  page.until(
    () => page.ask(`document.getElementById("said").textContent.includes(${JSON.stringify(text)})`),
    `said ${text}`,
  );

test("a dialog takes the focus, and gives it back when Escape closes it", async () => {
  await focusOn("#open");
  await page.press("Enter");
  await focused("dialog[open] #name");
  expect(await page.ask("document.querySelector('dialog').getAttribute('aria-labelledby') !== null")).toBe(true);
  await page.press("Escape");
  await focused("#open");
  expect(await page.ask("document.querySelector('dialog')")).toBe(null);
});

test("what is too long for a field is kept whole, said, and not sent until it fits", async () => {
  await page.click("#open");
  await focused("dialog[open] #name");
  await focusOn("#title input");
  await page.type("twelve chars");
  await page.shows("It has 12 characters; at most 10 are taken");
  await page.press("Enter");
  expect(
    await page.ask(
      "[...document.querySelectorAll('#title input')].map(({ value, validity }) => [value, validity.valid])",
    ),
  ).toEqual([["twelve chars", false]]);
  await page.press("Backspace");
  await page.press("Backspace");
  await page.until(() => page.ask("document.querySelector('#title input').validity.valid"), "takes it");
  expect(await page.ask("document.getElementById('said').textContent")).not.toContain("sent");
  await page.press("Enter");
  await said("sent twelve cha");
});

test("what cannot be taken back is asked for, and nothing is the answer to Enter and to Escape", async () => {
  for (const key of ["Enter", "Escape"]) {
    await focusOn("#ask");
    await page.press("Enter");
    await focused("dialog .actions button:first-child");
    await page.press(key);
    await said("answer false");
  }
  await focusOn("#ask");
  await page.press("Enter");
  await focused("dialog .actions button:first-child");
  await page.press("Tab");
  await page.press("Enter");
  await said("answer true");
});

test("a menu moves by arrows, does not do what is disabled, and gives the focus back", async () => {
  await focusOn("[aria-haspopup=menu]");
  await page.press("ArrowDown");
  await focused("[role=menuitem]:nth-child(1)");
  await page.press("ArrowDown");
  await page.press("Enter");
  await focused("[role=menuitem]:nth-child(2)");
  await page.press("ArrowUp");
  await page.press("Enter");
  await said("assigned");
  await focused("[aria-haspopup=menu]");
});

test("a field suggests what matches, arrows choose in it while the focus stays, and says how many more there are", async () => {
  await focusOn("[role=combobox]");
  await page.type("112");
  await page.shows(/\d+ more; type on/);
  await page.press("ArrowDown");
  await page.press("ArrowDown");
  const active = `document.getElementById(document.activeElement.getAttribute("aria-activedescendant") ?? "")`;
  await page.until(() => page.ask(`${active}?.textContent.includes("pump-1112") ?? false`), "has a second suggestion");
  await page.press("Enter");
  await said("pump-1112");
});

test("whoever chooses faster than it is drawn gets what the keys said", async () => {
  await focusOn("[role=combobox]");
  await page.type("112");
  await page.shows(/\d+ more; type on/);
  const keys = ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown", "Enter"];
  await page.ask(`(() => {
    for (const key of ${JSON.stringify(keys)})
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  })()`);
  await said("pump-1112");
});

test("of 20,000 rows few are drawn, each knows its number, and keys reach, choose and open all of them", async () => {
  expect(await page.ask<number>("document.querySelectorAll('tr').length")).toBeLessThan(80);
  expect(await page.ask("document.querySelector('table').getAttribute('aria-rowcount')")).toBe("20001");
  await focusOn("tbody tr");
  await page.press("End");
  await focused("tr[aria-rowindex='20001']");
  await page.press("ArrowUp");
  await focused("tr[aria-rowindex='20000']");
  await page.press("Enter");
  await said("opened pump-19998");
  await page.press(" ");
  await said("1 chosen");
  // Scrolled away, the row with the focus stays.
  await page.ask("scrollTo(0, 0)");
  await page.shows("pump-3");
  await focused("tr[aria-rowindex='20000']");
  await page.ask("document.querySelector('thead input').click()");
  await said("20000 chosen");
});

test("a heading sorts, the other way when it is asked again, and says so", async () => {
  await focusOn("thead th:nth-child(3) .sort");
  await page.press("Enter");
  await page.until(() => page.ask("document.querySelector('th[aria-sort=ascending]') !== null"), "sorted");
  await page.press("Enter");
  await page.until(() => page.ask("document.querySelector('th[aria-sort=descending]') !== null"), "sorted down");
  await page.until(
    () => page.ask("document.querySelector('tbody .number').textContent === '999'"),
    "has the largest first",
  );
});

test("what was done is told politely, what failed at once, and that stays until it is put away", async () => {
  await page.click("#tell");
  await page.until(
    () => page.ask("document.querySelector('.toasts [role=status]').textContent.includes('saved')"),
    "told",
  );
  await page.click("#fail");
  await page.click("#fail");
  await page.shows("revision 7 is newer (2 times)");
  await page.click(".toast[data-error=true] button");
  await page.until(async () => !(await page.text()).includes("revision 7"), "put it away");
});

test("a view that breaks says so in its place, the rest goes on, and elsewhere or asked again it is tried again", async () => {
  await page.shows("It holds.");
  await page.click("#break");
  await page.shows("a value is not as it should be");
  await page.click("#tell");
  await page.until(() => page.ask("document.querySelector('.toast') !== null"), "told");
  const again = "[...document.querySelectorAll('button')].find(({ textContent }) => textContent === 'Try again')";
  await page.ask(`${again}.click()`);
  await page.shows("a value is not as it should be");
  await page.click("#break");
  await page.ask(`${again}.click()`);
  await page.shows("It holds.");
  await page.click("#break");
  await page.shows("a value is not as it should be");
  await page.click("#break");
  await page.click("#leave");
  await page.shows("It holds.");
});
