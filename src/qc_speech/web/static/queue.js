/* The queue by keyboard: move, select, take, give back, finish, open. */
(function () {
  "use strict";
  var table = document.getElementById("calls");
  var rows = table ? Array.prototype.slice.call(table.tBodies[0].rows) : [];
  var bulk = document.getElementById("bulk");
  var at = -1;

  function boxes() { return rows.map(function (row) { return row.querySelector(".one"); }); }

  function chosen() {
    var found = boxes().filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    return found.length || at < 0 ? found : [rows[at].dataset.call];
  }

  function count() {
    var number = boxes().filter(function (box) { return box.checked; }).length;
    document.getElementById("chosen").textContent = String(number);
    bulk.hidden = number === 0;
    rows.forEach(function (row) { row.classList.toggle("picked", row.querySelector(".one").checked); });
    var all = document.getElementById("all");
    if (all) { all.checked = number > 0 && number === rows.length; all.indeterminate = number > 0 && number < rows.length; }
  }

  function go(to) {
    if (!rows.length) { return; }
    at = Math.max(0, Math.min(rows.length - 1, to));
    rows.forEach(function (row, place) { row.classList.toggle("here", place === at); });
    rows[at].querySelector("a.call").focus();
    rows[at].scrollIntoView({ block: "nearest" });
  }

  async function act(what) {
    var calls = chosen();
    if (!calls.length) { return; }
    var body = { calls: calls };
    if (what === "assign") {
      var to = document.getElementById("to").value, days = document.getElementById("days").value;
      body.user = to ? Number(to) : null;
      body.days = days === "" ? null : Number(days);
    }
    try {
      var answer = await window.qc.ask("POST", "/queue/" + what, body);
      if (!answer.changed) { window.qc.say(table.dataset.none, true); return; }
      window.qc.say(answer.changed + " " + table.dataset.changed);
      window.location.reload();
    } catch (error) { /* said already */ }
  }

  if (!table) { bulk.hidden = true; }
  if (table) {
    table.addEventListener("change", function (event) {
      if (event.target.id === "all") { boxes().forEach(function (box) { box.checked = event.target.checked; }); }
      count();
    });
    table.addEventListener("focusin", function (event) {
      var row = event.target.closest("tr[data-call]");
      if (row) { at = rows.indexOf(row); rows.forEach(function (one) { one.classList.toggle("here", one === row); }); }
    });
    count();
  }
  bulk.addEventListener("click", function (event) {
    var button = event.target.closest("[data-act]");
    if (button) { act(button.dataset.act); }
  });

  var KEYS = {
    j: function () { go(at + 1); },
    ArrowDown: function () { go(at + 1); },
    k: function () { go(at - 1); },
    ArrowUp: function () { go(at - 1); },
    o: function () { if (at >= 0) { rows[at].querySelector("a.call").click(); } },
    s: function () { document.getElementById("start").click(); },
    x: function () { if (at >= 0) { var box = boxes()[at]; box.checked = !box.checked; count(); } },
    a: function () { var on = !boxes().every(function (box) { return box.checked; }); boxes().forEach(function (box) { box.checked = on; }); count(); },
    t: function () { act("take"); },
    r: function () { act("release"); },
    d: function () { act("done"); },
    u: function () { act("undone"); },
    n: function () { var next = document.getElementById("next"); if (next) { next.click(); } },
    "/": function () { document.getElementById("q").focus(); },
    "?": function () { document.getElementById("keys").showModal(); }
  };
  document.addEventListener("keydown", function (event) {
    if (window.qc.typing(event) || document.querySelector("dialog[open]")) { return; }
    var act_ = KEYS[event.key];
    if (act_) { event.preventDefault(); act_(); }
  });
})();
