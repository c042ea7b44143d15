/* Sortable tables: a button in each heading, aria-sort on the heading. */
(function () {
  "use strict";

  function key(row, column) {
    var cell = row.cells[column];
    var value = cell.getAttribute("data-v");
    return value === null ? cell.textContent.trim() : value;
  }

  function compare(kind, a, b) {
    if (kind === "number") { return Number(a) - Number(b); }
    return a.localeCompare(b, "zh-CN", { numeric: true });
  }

  function sort(table, heading) {
    var up = heading.getAttribute("aria-sort") !== "ascending";
    var column = heading.cellIndex;
    var kind = heading.querySelector("button").getAttribute("data-kind");
    table.querySelectorAll("th[aria-sort]").forEach(function (other) {
      other.setAttribute("aria-sort", "none");
    });
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    // The index keeps rows that are out of the page; it offers them here.
    var rows = table.qcRows || Array.prototype.slice.call(table.tBodies[0].rows);
    var keyed = rows.map(function (row) { return [key(row, column), row]; });
    keyed.sort(function (a, b) { return (up ? 1 : -1) * compare(kind, a[0], b[0]); });
    var sorted = keyed.map(function (pair) { return pair[1]; });
    if (table.qcShow) {
      table.qcRows = sorted;
      table.qcShow();
    } else {
      sorted.forEach(function (row) { table.tBodies[0].append(row); });
    }
  }

  document.querySelectorAll("table.sortable").forEach(function (table) {
    table.addEventListener("click", function (event) {
      var button = event.target.closest("button.sort");
      if (button) { sort(table, button.closest("th")); }
    });
  });
})();
