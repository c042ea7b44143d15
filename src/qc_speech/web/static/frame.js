/* What every page may use: asking the server, and telling the person what came of it. */
(function () {
  "use strict";
  var meta = document.querySelector("meta[name=csrf]");
  var timer = null;

  function say(text, bad) {
    var toast = document.getElementById("toast");
    toast.textContent = text;
    toast.className = "shown" + (bad ? " bad" : "");
    window.clearTimeout(timer);
    timer = window.setTimeout(function () { toast.className = ""; }, bad ? 8000 : 3000);
  }

  /* JSON to and from the server; rejects with {status, detail}, after saying it. */
  async function ask(method, url, body) {
    var headers = { Accept: "application/json" };
    if (meta) { headers["X-CSRF-Token"] = meta.content; }
    if (body !== undefined) { headers["Content-Type"] = "application/json"; }
    var answer;
    try {
      answer = await fetch(url, {
        method: method, headers: headers, credentials: "same-origin",
        body: body === undefined ? undefined : JSON.stringify(body)
      });
    } catch (error) {
      say(document.documentElement.lang === "en" ? "The server does not answer." : "服务器没有响应。", true);
      throw { status: 0, detail: String(error) };
    }
    var text = await answer.text();
    var value = null;
    try { value = text ? JSON.parse(text) : null; } catch (error) { value = null; }
    if (!answer.ok) {
      var detail = value && typeof value.detail === "string" ? value.detail : answer.statusText;
      if (answer.status === 401) { window.location.href = "/login?said=login_again&next=" + encodeURIComponent(window.location.pathname + window.location.search); }
      say(detail, true);
      throw { status: answer.status, detail: detail, value: value };
    }
    return value;
  }

  /* Keys belong to a field while somebody types in it. */
  function typing(event) {
    var at = event.target;
    return event.ctrlKey || event.metaKey || event.altKey || at.isContentEditable ||
      /^(TEXTAREA|SELECT)$/.test(at.tagName) ||
      (at.tagName === "INPUT" && !/^(checkbox|radio|button|range)$/.test(at.type));
  }

  var current = document.querySelector(".menu a[aria-current]");
  if (current) { current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.offsetLeft - 8; }

  window.qc = { ask: ask, say: say, typing: typing };

  document.addEventListener("click", function (event) {
    var opener = event.target.closest("[data-dialog]");
    if (opener) { document.getElementById(opener.dataset.dialog).showModal(); }
    if (event.target.closest("[data-close]")) { event.target.closest("dialog").close(); }
  });
  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-submit]")) { event.target.form.requestSubmit(); }
  });
})();
