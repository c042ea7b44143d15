/* The index: filters over the rows that are already in the page; long lists a part at a time. */
(function () {
  "use strict";
  var form = document.getElementById("filters");
  var table = document.getElementById("calls");
  if (!form || !table) { return; }
  var STEP = 200;
  var limit = STEP;
  var body = table.tBodies[0];
  var more = document.getElementById("more");
  table.qcRows = Array.prototype.slice.call(body.rows);

  function wanted() {
    var value = function (name) { return form.elements[name].value; };
    return {
      text: value("text").trim().toLowerCase(),
      agent: value("agent"), scenario: value("scenario"), grade: value("grade"),
      from: value("from"), to: value("to"),
      review: form.elements.review.checked, violations: form.elements.violations.checked
    };
  }

  function matches(row, want) {
    var data = row.dataset;
    return (want.agent === "*" || data.agent === want.agent) &&
      (want.scenario === "*" || data.scenario === want.scenario) &&
      (want.grade === "*" || data.grade === want.grade) &&
      (!want.from || data.day >= want.from) &&
      (!want.to || (data.day !== "" && data.day <= want.to)) &&
      (!want.review || data.review === "1") &&
      (!want.violations || data.violations !== "0") &&
      (!want.text || data.text.toLowerCase().indexOf(want.text) >= 0);
  }

  table.qcShow = function () {
    var want = wanted();
    var rows = table.qcRows.filter(function (row) { return matches(row, want); });
    var part = document.createDocumentFragment();
    rows.slice(0, limit).forEach(function (row) { part.append(row); });
    body.replaceChildren(part);
    document.getElementById("shown").textContent = rows.length;
    document.getElementById("none").hidden = rows.length > 0;
    table.hidden = rows.length === 0;
    more.hidden = rows.length <= limit;
  };

  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("input", function () { limit = STEP; table.qcShow(); });
  form.addEventListener("reset", function () {
    limit = STEP;
    window.setTimeout(table.qcShow, 0); // after the fields are cleared
  });
  more.addEventListener("click", function () { limit += STEP; table.qcShow(); });
  window.addEventListener("beforeprint", function () { limit += table.qcRows.length; table.qcShow(); });
  window.addEventListener("afterprint", function () { limit = STEP; table.qcShow(); });
  table.qcShow();
})();
