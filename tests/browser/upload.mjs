// Hands a bundle in on the upload page, with JavaScript by dropping it and without by the form, and follows it.
//
//   node upload.mjs BASE_URL BUNDLE OUT_DIR
//
// Prints where each way landed. CHROMIUM and PATCHLENS_NODE_MODULES are as for pages.mjs.

import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const modules = process.env.PATCHLENS_NODE_MODULES;
const require = createRequire(modules ? join(modules, "x.js") : import.meta.url);
const { chromium } = require("playwright-core");

const [base, bundle, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking"],
});

async function landed(page) {
  await page.waitForURL(/\/devices\/[^/]+\?upload=/, { timeout: 60_000 });
  const notice = await page.textContent("[role=status]");
  return { path: new URL(page.url()).pathname, notice };
}

const ways = {};
{
  const page = await browser.newPage({ locale: "en-GB" });
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
  await page.goto(new URL("/upload", base).href);
  await page.screenshot({ path: join(out, "upload.form.png"), fullPage: true });
  const transfer = await page.evaluateHandle(({ name, bytes }) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
    return data;
  }, { name: basename(bundle), bytes: readFileSync(bundle).toString("base64") });
  await page.dispatchEvent("#upload", "drop", { dataTransfer: transfer });
  await page.waitForSelector("#progress:not([hidden])");
  await page.screenshot({ path: join(out, "upload.progress.png"), fullPage: true });
  ways.dropped = { ...(await landed(page)), problems };
  await page.screenshot({ path: join(out, "upload.landed.png"), fullPage: true });
}
{
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(new URL("/upload", base).href);
  await page.setInputFiles("input[type=file]", bundle);
  await page.click("button[type=submit]");
  ways.without_javascript = await landed(page);
}
await browser.close();
console.log(JSON.stringify(ways));
