// Keyboard shortcuts, and the help overlay that lists them.

import { byId, element } from "./panel.js";
import { TOOLS } from "./tools.js";

const LISTED = [
  ["0 … 9", "class; of the selected annotation too"],
  ["N", "new object, new track"],
  ["Enter, Esc", "accept or drop the proposed mask; Esc also ends a selection"],
  ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
  ["Delete", "remove the selected annotation or track; with Shift a track's place in this frame"],
  ["[ ]", "thinner, thicker brush"],
  ["← →", "previous, next image"],
  ["D", "mark the image as done and go on"],
  ["Wheel, + −", "zoom"],
  ["Space and drag", "move the image"],
  ["F", "whole image"],
  ["H", "hide or show annotations"],
  ["M", "propose masks: on, off"],
  ["?", "this help"],
];

const isTyping = (target) => target.matches("input:not([type=range]):not([type=checkbox]), textarea");

export function bindKeys(app) {
  const plain = {
    n: () => app.next(),
    d: () => app.finishImage(),
    f: () => app.stage.fit(),
    h: () => app.toggleHidden(),
    m: () => app.switchAssist(!app.assist.on),
    "?": () => byId("help").showModal(),
    "+": () => app.stage.zoom(1.25),
    "=": () => app.stage.zoom(1.25),
    "-": () => app.stage.zoom(0.8),
    "[": () => app.setBrush(app.brush - (app.brush > 10 ? 2 : 1)),
    "]": () => app.setBrush(app.brush + (app.brush >= 10 ? 2 : 1)),
    arrowleft: () => app.open(app.index - 1),
    arrowright: () => app.open(app.index + 1),
    enter: () => app.assist.accept(),
    escape: () => app.escape(),
    delete: (event) => app.removeSelected(event.shiftKey),
    backspace: (event) => app.removeSelected(event.shiftKey),
  };
  for (const { name, key } of TOOLS) plain[key] = () => app.setTool(name);
  for (let label = 0; label < 10; label++) plain[label] = () => app.setLabel(label);
  const control = { z: () => app.undo(), y: () => app.redo() };

  document.addEventListener("keydown", (event) => {
    if (isTyping(event.target) || byId("help").open || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.target.matches("button, input") && [" ", "enter", "arrowleft", "arrowright"].includes(key)) return;
    if (key === " ") {
      app.stage.holdSpace(true);
      return event.preventDefault();
    }
    const commanded = event.ctrlKey || event.metaKey;
    const action = commanded ? (key === "z" && event.shiftKey ? () => app.redo() : control[key]) : plain[key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") app.stage.holdSpace(false);
  });
  document.addEventListener("click", (event) => {
    if (event.detail && event.target.closest("header, nav, aside") && !isTyping(event.target)) app.stage.canvas.focus();
  });
  window.addEventListener("blur", () => app.stage.holdSpace(false));
}

export function fillHelp() {
  const rows = [...TOOLS.map(({ key, title, hint }) => [key.toUpperCase(), `${title}. ${hint}`]), ...LISTED];
  const table = element("table", {}, element("tbody", {}, ...rows.map(([keys, words]) => helpRow(keys, words))));
  byId("help-keys").replaceChildren(table);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
}

function helpRow(keys, words) {
  const head = element("th", { scope: "row" }, ...keys.split(", ").flatMap((key, i) => [i ? " " : "", element("kbd", { textContent: key })]));
  return element("tr", {}, head, element("td", { textContent: words }));
}
