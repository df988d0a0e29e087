/** The head's pages: used again, but not while a query reads them. */
import { expect, test } from "bun:test";
import { frameOfRecord } from "../../src/log/record.ts";
import { Head, type GenerationView, type Page } from "../../src/store/head.ts";
import { recordOf } from "./harness.ts";

test("pages of what was sealed under a query are used again once it has ended, and stay as they are until then", () => {
  // Each record fills a generation.
  const head = new Head(1, Infinity);
  const pages = new Set<Page>();
  let reading: { views: GenerationView[]; value: number } | undefined;
  for (let value = 1; value <= 50; value++) {
    head.absorb(frameOfRecord(recordOf(value, [[1, value, value]])), 100, 0);
    pages.add(head.waiting[0].pages[0]);
    const views = head.pin();
    head.dropOldest();
    if (reading !== undefined) {
      expect(reading.views[0].generation.pages[0].values[0]).toBe(reading.value);
      head.unpin(reading.views);
    }
    reading = { views, value };
  }
  expect(pages.size).toBeLessThanOrEqual(3);
});
