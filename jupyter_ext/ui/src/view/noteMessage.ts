import { h } from "./dom";
import { renderedText } from "./rendered";

/** A word from Whisperer itself: the answer to a command, or something about the connection. */
export class NoteMessage {
  readonly element = h("article", { class: "whisperer-message whisperer-note", "aria-label": "Whisperer" });
  #shown = "";

  update(text: string): void {
    if (text === this.#shown) return;
    this.#shown = text;
    this.element.replaceChildren(renderedText(text));
  }
}
