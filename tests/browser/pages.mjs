// Opens every page in both languages and themes, on a wide and a narrow screen: takes screenshots, runs axe-core, and
// fails on console errors, failed requests, requests to anywhere else, and pages that scroll sideways.
//
//   node pages.mjs [--once] BASE_URL OUT_DIR [PATH…]
//
// --once keeps to English and light. Without PATH it takes the fixed pages, and the first cluster and device that the API names.
// CHROMIUM names the browser (default /usr/bin/chromium); PATCHLENS_NODE_MODULES where playwright-core and axe-core are.

import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const modules = process.env.PATCHLENS_NODE_MODULES;
const require = createRequire(modules ? join(modules, "x.js") : import.meta.url);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const once = process.argv[2] === "--once";
const [base, out, ...given] = process.argv.slice(once ? 3 : 2);
if (!base || !out) {
  console.error("usage: node pages.mjs [--once] BASE_URL OUT_DIR [PATH…]");
  process.exit(2);
}
mkdirSync(out, { recursive: true });

async function api(path) {
  const answer = await fetch(new URL(path, base));
  return answer.ok ? answer.json() : [];
}

async function paths() {
  if (given.length > 0) return given;
  const fixed = ["/", "/clusters", "/devices", "/codes?all=1", "/alerts", "/pipeline", "/sql", "/upload", "/no-such-page"];
  const statement = encodeURIComponent("SELECT cause, count() AS devices FROM diagnosis FINAL GROUP BY cause ORDER BY devices DESC");
  fixed.push(`/sql?q=${statement}`);
  const { clusters = [] } = await api("/api/v1/clusters");
  if (clusters.length > 0) fixed.push(`/clusters/${encodeURIComponent(clusters[0].cluster_key)}`);
  const alerts = await api("/api/v1/alerts");
  if (alerts.length > 0) fixed.push(`/alerts/${encodeURIComponent(alerts[0].alert_id)}`);
  const failing = await api("/api/v1/devices?state=failed");
  if (failing.length > 0) fixed.push(`/devices/${encodeURIComponent(failing[0].device_id)}`);
  return fixed;
}

const sizes = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
const problems = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking"],
});

async function open(path, lang, theme, size) {
  const name = `${path.replace(/[^a-zA-Z0-9]+/g, "_").slice(0, 60)}.${lang}.${theme}.${size}`;
  const report = (what) => problems.push(`${path} (${lang}, ${theme}, ${size}): ${what}`);
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: theme, locale: lang === "zh" ? "zh-CN" : "en-GB" });
  const page = await context.newPage();
  const expected = path === "/no-such-page" ? 404 : 200;
  // Chromium writes the answer's status to the console; an expected one is no fault.
  page.on("console", (message) => {
    if (message.type() === "error" && !(expected !== 200 && message.text().includes(`${expected}`))) report(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => report(`script: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(base).origin) report(`asks elsewhere: ${request.url()}`);
  });
  const answer = await page.goto(new URL(path, base).href, { waitUntil: "load" });
  if (answer.status() !== expected) report(`status ${answer.status()}`);
  // Charts are drawn after their data came; pages without one go on at once.
  await page.waitForFunction(() => !window.echarts || [...document.querySelectorAll("[data-chart]")].every((box) => box.querySelector("canvas")), null, { timeout: 10_000 });
  const htmlLang = await page.getAttribute("html", "lang");
  if (!htmlLang.startsWith(lang)) report(`lang is ${htmlLang}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) report(`is ${overflow} px wider than the screen`);
  await page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
  // The policy refuses injected script elements; evaluate() goes past it, as a browser extension would.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const violation of violations) {
    const first = violation.nodes[0];
    report(`axe ${violation.id} (${violation.impact}, ${violation.nodes.length}×): ${first.html.slice(0, 160)} | ${first.failureSummary.split("\n")[1] ?? ""}`);
  }
  const weight = (await page.content()).length;
  if (weight > 500_000) report(`weighs ${weight} bytes`);
  await context.close();
}

let opened = 0;
for (const path of await paths()) {
  for (const lang of once ? ["en"] : ["en", "zh"]) {
    for (const theme of once ? ["light"] : ["light", "dark"]) {
      await open(path, lang, theme, "wide");
      opened += 1;
    }
  }
  await open(path, "en", "light", "narrow");
  opened += 1;
}
await browser.close();

console.log(JSON.stringify({ opened, problems: problems.length }));
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
