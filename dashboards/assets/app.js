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
// scroll position stays; a page that is being typed into is left alone.
let refreshing = false;
async function refresh() {
  const active = document.activeElement;
  if (refreshing || document.hidden || (active && active.closest("form"))) return;
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const main = document.querySelector("main");
    if (!next || next.innerHTML === main.dataset.served) return;
    main.dataset.served = next.innerHTML;
    const open = [...main.querySelectorAll("details")].map((details) => details.open);
    main.replaceChildren(...next.childNodes);
    main.querySelectorAll("details").forEach((details, index) => { details.open = open[index] ?? details.open; });
    addCopyButtons(main);
    document.dispatchEvent(new Event("patchlens:refreshed"));
  } finally {
    refreshing = false;
  }
}

function listen() {
  const light = document.getElementById("live");
  if (!light || !("EventSource" in window) || location.pathname.startsWith("/sql")) return;
  const stream = new EventSource("/api/v1/live");
  const show = (on) => {
    light.hidden = false;
    light.classList.toggle("on", on);
    light.textContent = on ? words.liveOn : words.liveOff;
  };
  stream.addEventListener("open", () => show(true));
  stream.addEventListener("error", () => show(false));
  stream.addEventListener("changed", refresh);
}

document.querySelector("main").dataset.served = document.querySelector("main").innerHTML;
addCopyButtons(document);
listen();
