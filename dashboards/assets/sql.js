// Adds to the statement's form: Ctrl+Enter runs it, and a name of the schema list goes to where the cursor is.
"use strict";

(() => {
  const statement = document.getElementById("statement");
  if (!statement) return;
  statement.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      statement.form.requestSubmit();
    }
  });
  for (const name of document.querySelectorAll("[data-name]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "insert";
    button.textContent = name.textContent;
    button.title = document.querySelector("[data-insert]").dataset.insert;
    button.addEventListener("click", () => {
      statement.setRangeText(name.dataset.name, statement.selectionStart, statement.selectionEnd, "end");
      statement.focus();
    });
    name.replaceChildren(button);
  }
})();
