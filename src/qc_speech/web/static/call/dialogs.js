/* Small windows that ask one thing each and are left with Escape. */

import { byId, h, pick } from "./dom.js";

/** Opens a <dialog> and resolves to what its form's button or `read` gives; null: left. */
function ask(dialog, read) {
  return new Promise((done) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => done(dialog.returnValue ? read(dialog.returnValue) : null), { once: true });
    dialog.showModal();
  });
}

/** Which check was missed at this moment, and what the person says to it. */
export function askMiss(data) {
  const dialog = byId("miss"), filter = byId("miss-filter"), list = byId("miss-check"), note = byId("miss-note");
  const fits = (check, wanted) => (check.id + " " + data.names.checks[check.id].join(" ")).toLowerCase().includes(wanted);
  const show = () => {
    const wanted = filter.value.trim().toLowerCase();
    const found = data.checks.filter((check) => fits(check, wanted));
    list.replaceChildren(...found.map((check, n) => h("option", { value: check.id, selected: n === 0 },
      pick(data.names.checks[check.id]) + " · " + pick(data.names.families[check.family]) + " · \u2212" + check.points)));
  };
  filter.value = note.value = "";
  filter.oninput = show;
  filter.onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    list.selectedIndex = Math.min(Math.max(list.selectedIndex + by, 0), list.options.length - 1);
  };
  show();
  const answer = ask(dialog, () => (list.value ? { check: list.value, note: note.value.trim(), whole: byId("miss-whole").checked } : null));
  byId("miss-whole").checked = false;
  filter.focus();
  return answer;
}

/** Who speaks in a line, and whether that holds for the whole voice. Keys 1, 2, 3. */
export function askRole() {
  const dialog = byId("role");
  byId("role-whole").checked = false;
  dialog.onkeydown = (event) => {
    const role = { 1: "agent", 2: "customer", 3: "other" }[event.key];
    if (role) { event.preventDefault(); dialog.close(role); }
    if (event.key === "0") { event.preventDefault(); byId("role-whole").click(); }
  };
  return ask(dialog, (role) => ({ role, whole: byId("role-whole").checked }));
}

export function askComment() {
  const dialog = byId("comment"), area = byId("comment-text");
  area.value = "";
  area.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      dialog.close("ok");
    }
  };
  const answer = ask(dialog, () => area.value.trim() || null);
  area.focus();
  return answer;
}

export function showHelp() { byId("help").showModal(); }
