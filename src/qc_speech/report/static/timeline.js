/* Draws the call as a picture: who speaks when, silences, overlaps, findings, the playhead. */
window.qcTimeline = function (host, data, seek) {
  "use strict";
  var SVG = "http://www.w3.org/2000/svg";
  var MARKS = 20, LANE = 24, GAP = 4, AXIS = 18;
  var zoom = 1, position = 0, svg = null, head = null, scale = 1;
  var english = function () { return document.documentElement.classList.contains("en"); };
  var pick = function (zh, en) { return english() ? en : zh; };
  var duration = Math.max(data.duration, 1);

  var lanes = ["agent", "customer"];
  ["other", "unknown"].forEach(function (role) {
    if (data.turns.some(function (turn) { return turn[2] === role; })) { lanes.push(role); }
  });
  var bottom = MARKS + lanes.length * (LANE + GAP);

  var names = document.createElement("div");
  names.className = "lanes";
  names.setAttribute("aria-hidden", "true");
  var scroller = document.createElement("div");
  scroller.className = "scroller";
  host.append(names, scroller);

  function clock(ms) {
    var s = Math.floor(ms / 1000);
    var m = Math.floor(s / 60) % 60, h = Math.floor(s / 3600);
    var two = function (n) { return (n < 10 ? "0" : "") + n; };
    return (h ? h + ":" + two(m) : String(m)) + ":" + two(s % 60);
  }

  function add(parent, tag, attributes, title) {
    var element = document.createElementNS(SVG, tag);
    Object.keys(attributes).forEach(function (name) { element.setAttribute(name, attributes[name]); });
    if (title) {
      var note = document.createElementNS(SVG, "title");
      note.textContent = title;
      element.append(note);
    }
    parent.append(element);
    return element;
  }

  function band(from, to, css, y, height, title) {
    add(svg, "rect", {
      x: (from * scale).toFixed(2), width: Math.max((to - from) * scale, 1).toFixed(2),
      y: y, height: height, "class": css, rx: css.indexOf("speech") === 0 ? 3 : 0
    }, title);
  }

  function axis(width) {
    var steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    var step = steps.find(function (s) { return s * 1000 * scale >= 56; }) || 7200;
    for (var s = 0; s * 1000 <= duration; s += step) {
      var x = s * 1000 * scale;
      add(svg, "line", { x1: x, x2: x, y1: MARKS, y2: bottom, "class": "grid" });
      if (x > width - 30 && s > 0) { continue; }
      add(svg, "text", { x: x + 2, y: bottom + AXIS - 5, "class": "tick" }).textContent = clock(s * 1000);
    }
  }

  function marks() {
    // Violations are drawn last so that they lie on top.
    var order = { pass: 0, uncertain: 1, violation: 2 };
    data.marks.slice().sort(function (a, b) { return order[a[1]] - order[b[1]]; }).forEach(function (mark) {
      var x = mark[0] * scale, shape;
      if (mark[1] === "violation") { shape = "M" + (x - 7) + " 3h14l-7 13z"; }
      else if (mark[1] === "uncertain") { shape = "M" + x + " 3l6.5 6.5l-6.5 6.5l-6.5 -6.5z"; }
      else { shape = "M" + (x - 3.5) + " 10a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z"; }
      if (mark[1] !== "pass") {
        add(svg, "line", { x1: x, x2: x, y1: 12, y2: bottom, "class": "stem m-" + mark[1] });
      }
      add(svg, "path", { d: shape, "class": "mark m-" + mark[1], "data-finding": mark[2], "data-at": mark[0] },
        clock(mark[0]) + " " + pick(mark[3], mark[4]));
    });
  }

  function draw() {
    names.replaceChildren();
    lanes.forEach(function (role) {
      var name = document.createElement("span");
      name.textContent = pick(data.roles[role][0], data.roles[role][1]);
      name.className = "r-" + role;
      names.append(name);
    });
    var width = Math.max(scroller.clientWidth * zoom, 120);
    scale = width / duration;
    svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 " + width + " " + (bottom + AXIS));
    svg.setAttribute("width", width);
    svg.setAttribute("height", bottom + AXIS);
    svg.setAttribute("aria-hidden", "true");
    data.silences.forEach(function (s) {
      if (s[1] - s[0] < 1500) { return; }
      band(s[0], s[1], "silence", MARKS, bottom - MARKS - GAP, ((s[1] - s[0]) / 1000).toFixed(1) + " s");
    });
    axis(width);
    lanes.forEach(function (role, lane) {
      data.turns.forEach(function (turn) {
        if (turn[2] !== role) { return; }
        band(turn[0], turn[1], "speech r-" + role, MARKS + lane * (LANE + GAP), LANE, clock(turn[0]) + "–" + clock(turn[1]));
      });
    });
    data.overlaps.forEach(function (o) {
      band(o[0], o[1], "overlap k-" + o[2], MARKS, 2 * LANE + GAP, clock(o[0]) + " " + pick(o[3], o[4]));
    });
    marks();
    head = add(svg, "line", { y1: 0, y2: bottom, "class": "playhead" });
    scroller.replaceChildren(svg);
    move(position, false);
  }

  function move(ms, follow) {
    position = ms;
    var x = ms * scale;
    head.setAttribute("x1", x);
    head.setAttribute("x2", x);
    host.setAttribute("aria-valuenow", Math.floor(ms / 1000));
    host.setAttribute("aria-valuetext", clock(ms));
    if (follow && zoom > 1 && (x < scroller.scrollLeft || x > scroller.scrollLeft + scroller.clientWidth)) {
      scroller.scrollLeft = x - scroller.clientWidth * 0.1;
    }
  }

  scroller.addEventListener("click", function (event) {
    var mark = event.target.closest("[data-finding]");
    if (mark) {
      seek(Number(mark.getAttribute("data-at")), mark.getAttribute("data-finding"));
      return;
    }
    var x = event.clientX - svg.getBoundingClientRect().left;
    seek(Math.min(Math.max(x / scale, 0), duration), null);
  });

  host.hidden = false;
  draw();
  var width = scroller.clientWidth;
  new ResizeObserver(function () {
    if (scroller.clientWidth && scroller.clientWidth !== width) { width = scroller.clientWidth; draw(); }
  }).observe(scroller);
  document.addEventListener("languagechange", draw);
  window.addEventListener("beforeprint", function () { zoom = 1; draw(); });

  return {
    clock: clock,
    move: move,
    zoom: function (factor) {
      zoom = Math.min(Math.max(zoom * factor, 1), 64);
      draw();
      scroller.scrollLeft = position * scale - scroller.clientWidth / 2;
    }
  };
};
