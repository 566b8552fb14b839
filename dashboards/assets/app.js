// Adds to pages that work without it: copy buttons, and new data without reload.
"use strict";

const words = document.body.dataset;

function addCopyButtons(root) {
  for (const list of root.querySelectorAll("[data-copyable]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = words.copy;
    button.addEventListener("click", async () => {
      const lines = [...list.children].map((item, index) => `${index + 1}. ${item.textContent.trim()}`);
      await navigator.clipboard.writeText(lines.join("\n"));
      button.textContent = words.copied;
    });
    list.after(button);
  }
}

// The store said that something arrived: fetch this address again and put its main part in place. The reader's
// scroll position stays; a page that is being typed into is left alone. "no-store" asks the server to wait for the
// newest figures. A page rests as long as its refresh took, so that many open pages do not wear the store.
let refreshing = false;
let missed = false;
async function refresh() {
  const active = document.activeElement;
  if (refreshing || document.hidden || (active && active.closest("form"))) {
    missed = true;
    return;
  }
  refreshing = true;
  missed = false;
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector(".foot").replaceChildren(...page.querySelector(".foot").childNodes);
    const next = page.querySelector("main");
    const main = document.querySelector("main");
    if (!next || next.innerHTML === main.dataset.served) return;
    main.dataset.served = next.innerHTML;
    const open = [...main.querySelectorAll("details")].map((details) => details.open);
    main.replaceChildren(...next.childNodes);
    main.querySelectorAll("details").forEach((details, index) => { details.open = open[index] ?? details.open; });
    addCopyButtons(main);
    document.dispatchEvent(new Event("patchlens:refreshed"));
  } finally {
    setTimeout(() => {
      refreshing = false;
      if (missed) refresh();
    }, Math.min(30_000, performance.now() - began));
  }
}

function listen() {
  const light = document.getElementById("live");
  if (!light || !("EventSource" in window) || /^\/(sql|upload)\b/.test(location.pathname)) return;
  const stream = new EventSource("/api/v1/live?since=" + encodeURIComponent(document.body.dataset.mark));
  const show = (on) => {
    light.hidden = false;
    light.classList.toggle("on", on);
    light.textContent = on ? words.liveOn : words.liveOff;
  };
  stream.addEventListener("open", () => show(true));
  stream.addEventListener("error", () => show(false));
  stream.addEventListener("changed", refresh);
  document.addEventListener("visibilitychange", () => { if (missed) refresh(); });
  // The server answered with figures that newer data had overtaken, and is counting.
  if (document.getElementById("behind")) refresh();
}

document.querySelector("main").dataset.served = document.querySelector("main").innerHTML;
addCopyButtons(document);
listen();
