// Small comforts; every page works without them.
(() => {
  "use strict";
  // Empty fields stay out of the address of a search.
  for (const form of document.querySelectorAll("form[data-clean]")) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    });
  }
  // Coming back with the browser's arrow finds the fields usable again.
  window.addEventListener("pageshow", () => {
    for (const field of document.querySelectorAll("form[data-clean] :disabled")) field.disabled = false;
  });
})();
