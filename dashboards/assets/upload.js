// Adds to the upload form: drop a bundle anywhere on the page, see its bytes go, and land on its diagnosis.
"use strict";

(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const say = form.dataset;
  const input = form.querySelector("input[type=file]");
  const box = document.getElementById("progress");
  const text = document.getElementById("progress-text");
  const bar = document.getElementById("progress-bar");
  const problem = document.getElementById("upload-problem");
  const mib = (bytes) => (bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0);

  function stop(message) {
    box.hidden = true;
    form.hidden = false;
    problem.textContent = message;
    problem.hidden = false;
    input.value = "";
    input.focus();
  }

  function show(message, percent) {
    text.textContent = message;
    if (percent === undefined) bar.removeAttribute("value");
    else bar.value = percent;
  }

  async function follow(status) {
    for (;;) {
      if (status.is_over) {
        location.assign(status.location);
        return;
      }
      show(status.state === "reading" ? say.reading : say.analysing);
      await new Promise((done) => setTimeout(done, 400));
      const answer = await fetch(`/api/v1/uploads/${status.id}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      status = await answer.json();
    }
  }

  function send(file) {
    problem.hidden = true;
    if (file.size > Number(say.bytesMax)) return stop(say.tooLarge);
    form.hidden = true;
    box.hidden = false;
    show(say.sending, 0);
    const body = new FormData();
    body.append("bundle", file, file.name);
    // fetch() does not tell how much of a body has gone.
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) show(`${say.sending} ${mib(event.loaded)} / ${mib(event.total)} MiB`, (event.loaded * 100) / event.total);
    });
    request.upload.addEventListener("load", () => show(say.sent));
    request.addEventListener("error", () => stop(say.lost));
    request.addEventListener("load", () => {
      if (request.status !== 202) return stop(request.response?.error?.message ?? say.lost);
      follow(request.response).catch(() => stop(say.lost));
    });
    request.send(body);
  }

  function choose(files) {
    if (files.length === 1) send(files[0]);
    else if (files.length > 1) stop(say.one);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    choose(input.files);
  });
  input.addEventListener("change", () => choose(input.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (!form.hidden) choose(event.dataTransfer.files);
  });
})();
