/* Chinese or English: a class on <html>, remembered where the browser allows it. */
(function () {
  "use strict";
  var root = document.documentElement;
  var KEY = "qc-speech-language";

  function remembered() {
    try { return window.localStorage.getItem(KEY); } catch (error) { return null; }
  }

  function remember(language) {
    try { window.localStorage.setItem(KEY, language); } catch (error) { /* private window */ }
  }

  function text(element, name) {
    return element.getAttribute("data-" + name + (root.classList.contains("en") ? "-en" : "-zh"));
  }

  // What CSS cannot switch: options and attributes.
  function apply() {
    document.querySelectorAll("option[data-zh]").forEach(function (option) {
      option.textContent = option.getAttribute(root.classList.contains("en") ? "data-en" : "data-zh");
    });
    document.querySelectorAll("[data-aria-zh]").forEach(function (element) {
      element.setAttribute("aria-label", text(element, "aria"));
    });
    document.dispatchEvent(new Event("languagechange"));
  }

  function set(language) {
    root.classList.toggle("en", language === "en");
    root.lang = language === "en" ? "en" : "zh-CN";
  }

  set(remembered() === "en" ? "en" : "zh");
  root.classList.add("js");

  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("language");
    button.hidden = false;
    apply();
    button.addEventListener("click", function () {
      var language = root.classList.contains("en") ? "zh" : "en";
      set(language);
      remember(language);
      apply();
    });
  });

  // Paper shows everything that the screen folds away.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (details) { details.open = false; });
  });
})();
