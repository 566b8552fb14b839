// Opens a page, says so, and waits until a text shows on it without reload; prints when, in milliseconds since 1970.
//
//   node live.mjs URL TEXT
//
// It prints {"open":true} when the page listens for news, then {"shown_at":…}. CHROMIUM and PATCHLENS_NODE_MODULES are as
// for pages.mjs.

import { createRequire } from "node:module";
import { join } from "node:path";

const modules = process.env.PATCHLENS_NODE_MODULES;
const require = createRequire(modules ? join(modules, "x.js") : import.meta.url);
const { chromium } = require("playwright-core");

const [url, text] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking"],
});
const page = await browser.newPage();
await page.goto(url, { waitUntil: "load" });
await page.waitForSelector("#live.on");
// A reload would lose this mark.
await page.evaluate(() => { window.sameDocument = true; });
console.log(JSON.stringify({ open: true }));
await page.waitForFunction((wanted) => document.querySelector("main").textContent.includes(wanted), text, { timeout: 30_000, polling: 10 });
console.log(JSON.stringify({ shown_at: Date.now(), same_document: await page.evaluate(() => window.sameDocument === true) }));
await browser.close();
