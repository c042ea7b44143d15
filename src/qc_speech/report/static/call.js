/* One call: player, transcript, findings and timeline follow one clock. */
(function () {
  "use strict";
  var byId = function (id) { return document.getElementById(id); };
  var data = JSON.parse(byId("data").textContent);
  var audio = byId("audio");
  var list = byId("turns");
  var position = 0; // ms; the clock where there is no audio
  var broken = !audio;
  var marked = [];

  var turns = Array.prototype.map.call(document.querySelectorAll(".turn"), function (element) {
    return {
      element: element, start: Number(element.dataset.s), end: Number(element.dataset.e),
      words: Array.prototype.map.call(element.querySelectorAll(".w"), function (word) {
        return { element: word, start: Number(word.dataset.s), end: Number(word.dataset.e) };
      })
    };
  });
  var starts = [].concat.apply([], turns.map(function (turn) {
    return turn.words.map(function (word) { return word.start; });
  })).sort(function (a, b) { return a - b; });
  var stops = data.marks.filter(function (mark) { return mark[1] !== "pass"; })
    .map(function (mark) { return { start: mark[0], number: mark[2] }; })
    .sort(function (a, b) { return a.start - b.start; });

  var timeline = window.qcTimeline(byId("timeline"), data, function (ms, finding) {
    seek(ms, audio && !audio.paused);
    if (finding) { open(finding); }
  });

  function now() { return broken ? position : audio.currentTime * 1000; }

  function seek(ms, play) {
    position = Math.min(Math.max(ms, 0), data.duration);
    if (!broken) {
      audio.currentTime = position / 1000;
      if (play) { start(); }
    }
    show(position);
  }

  function start() {
    var promise = audio.play();
    if (promise) { promise.catch(function () { /* the browser wants a click first */ }); }
  }

  function open(number) {
    var card = byId("f" + number);
    if (!card) { return; }
    var details = card.closest("details");
    if (details) { details.open = true; }
    document.querySelectorAll(".finding.here").forEach(function (other) { other.classList.remove("here"); });
    card.classList.add("here");
    card.scrollIntoView({ block: "nearest" });
  }

  // Highlights what is said now; scrolls the transcript, never the page.
  function show(ms) {
    marked.forEach(function (element) { element.classList.remove("now"); });
    marked = [];
    var last = null;
    turns.forEach(function (turn) {
      if (ms < turn.start || ms >= turn.end) { return; }
      last = turn.element;
      marked.push(turn.element);
      turn.words.forEach(function (word) {
        if (ms >= word.start && ms < word.end) { marked.push(word.element); }
      });
    });
    marked.forEach(function (element) { element.classList.add("now"); });
    if (last && byId("follow").checked) { follow(last); }
    timeline.move(ms, true);
    if (audio) { byId("now").textContent = timeline.clock(ms); }
  }

  function follow(element) {
    var top = element.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top + element.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = top - list.clientHeight / 3;
    }
  }

  function frame() {
    if (broken || audio.paused) { return; }
    show(now());
    window.requestAnimationFrame(frame);
  }

  function step(values, from, by) {
    var next = by > 0
      ? values.find(function (value) { return value > from + 20; })
      : values.slice().reverse().find(function (value) { return value < from - 250; });
    return next === undefined ? null : next;
  }

  function toggle() {
    if (broken) { return; }
    if (audio.paused) { start(); } else { audio.pause(); }
  }

  function stepWord(by) {
    var to = step(starts, now(), by);
    if (to !== null) { seek(to, false); }
  }

  function stepFinding(by) {
    var to = step(stops.map(function (stop) { return stop.start; }), now(), by);
    if (to === null) { return; }
    seek(to, audio && !audio.paused);
    open(stops.find(function (stop) { return stop.start === to; }).number);
  }

  var keys = {
    " ": toggle,
    ArrowLeft: function () { seek(now() - 3000, false); },
    ArrowRight: function () { seek(now() + 3000, false); },
    ",": function () { stepWord(-1); },
    ".": function () { stepWord(1); },
    p: function () { stepFinding(-1); },
    n: function () { stepFinding(1); }
  };

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (event.target.closest("input, select, textarea, audio")) { return; }
    if (event.key === " " && event.target.closest("button, a, summary")) { return; }
    var action = keys[event.key];
    if (action) { event.preventDefault(); action(); }
  });

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-seek]");
    var word = event.target.closest(".w");
    if (button) {
      seek(Number(button.dataset.seek), true);
      if (event.detail) { button.blur(); } // so that Space pauses instead of jumping again
    } else if (word && String(window.getSelection()) === "") {
      seek(Number(word.dataset.s), true);
    }
  });

  function fromAddress() {
    var time = /^#t=(\d+(?:\.\d+)?)$/.exec(window.location.hash);
    var card = /^#f(\d+)$/.exec(window.location.hash);
    if (time) {
      var ms = Math.round(Number(time[1]) * 1000);
      seek(ms, false);
      var stop = stops.find(function (other) { return other.start === ms; });
      if (stop) { open(stop.number); }
      byId("player").scrollIntoView({ block: "start" });
    }
    if (card) { open(card[1]); }
  }

  byId("zooms").hidden = false;
  byId("zoom-in").addEventListener("click", function () { timeline.zoom(2); });
  byId("zoom-out").addEventListener("click", function () { timeline.zoom(0.5); });
  if (list) { byId("follow-label").hidden = false; }

  if (audio) {
    audio.removeAttribute("controls"); // without this script the browser's own controls stay
    audio.preservesPitch = true;
    byId("controls").hidden = false;
    byId("play").addEventListener("click", toggle);
    byId("back").addEventListener("click", keys.ArrowLeft);
    byId("forward").addEventListener("click", keys.ArrowRight);
    byId("speed").addEventListener("change", function () { audio.playbackRate = Number(this.value); });
    byId("volume").addEventListener("input", function () { audio.volume = Number(this.value); });
    ["play", "pause"].forEach(function (name) {
      audio.addEventListener(name, function () {
        byId("play").setAttribute("aria-pressed", String(name === "play"));
        frame();
      });
    });
    audio.addEventListener("seeked", function () { if (audio.paused) { show(now()); } });
    audio.addEventListener("error", function () {
      broken = true;
      byId("audio-error").hidden = false;
      byId("controls").hidden = true;
    });
  }
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
})();
