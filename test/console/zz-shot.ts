import { Page } from "./browser.ts";
const [path, out, w = "1280", h = "1500"] = process.argv.slice(2);
await using page = new Page({ width: Number(w), height: Number(h) });
await page.open("http://127.0.0.1:53121" + path);
await Bun.sleep(6000);
await Bun.write(out, await page.screenshot());
console.log((await page.text()).slice(0, 1500));
