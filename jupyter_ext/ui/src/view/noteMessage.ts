import { copyButton } from "./code";
import { h } from "./dom";
import { renderedText } from "./rendered";

/** Beyond either it is a document rather than a word: an exported conversation, for instance. */
const MOST_LINES = 20;
const MOST_CHARACTERS = 2_000;

/** A word from Whisperer itself: the answer to a command, or something about the connection. */
export class NoteMessage {
  readonly element = h("article", { class: "whisperer-message whisperer-note", "aria-label": "Whisperer" });
  #shown = "";

  update(text: string): void {
    if (text === this.#shown) return;
    this.#shown = text;
    this.element.replaceChildren(bodyOf(text));
  }
}

/** A line is markdown, and may lead somewhere; several stand as they were written. */
function bodyOf(text: string): Node {
  const lines = text.trimEnd().split("\n").length;
  if (lines > MOST_LINES || text.length > MOST_CHARACTERS) return documentOf(text);
  return lines > 1 ? h("div", { class: "whisperer-lines" }, text) : renderedText(text);
}

/** Scrolling it by keyboard needs focus. */
function documentOf(text: string): HTMLElement {
  return h(
    "div",
    { class: "whisperer-code" },
    h("div", { class: "whisperer-code-head" }, copyButton("Copy the answer", () => text)),
    h("pre", { class: "whisperer-document", tabindex: "0" }, h("code", {}, text)),
  );
}
