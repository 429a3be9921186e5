import { blocksOf, cut, definesLinks, normalized } from "../markdown";
import { h } from "./dom";
import { rendered, renderedText } from "./rendered";

/**
 * Shows a text that grows: blocks that are complete are rendered once and stay, only the last one is rendered again.
 * However long the text, a chunk costs what its own block costs.
 */
export class StreamedMarkdown {
  readonly element = h("div", { class: "whisperer-text" });
  #text = "";
  #settledLength = 0;
  #tail: ChildNode[] = [];
  #finished = false;

  /** Shows a text as it was written: it is found and read so, at nearly no cost. Any later update renders it. */
  showPlain(text: string): void {
    this.element.textContent = text;
    this.#tail = [];
    this.#settledLength = 0;
    this.#text = "";
    // What comes next does not go on from here.
    this.#finished = true;
  }

  update(text: string, finished: boolean): void {
    if (text === this.#text && finished === this.#finished) return;
    const next = normalized(text);
    if (!next.startsWith(this.#text) || this.#finished) this.#clear();
    this.#text = next;
    this.#finished = finished;
    if (finished && definesLinks(next)) this.#renderWhole();
    else if (finished) this.#finish();
    else this.#grow();
  }

  #grow(): void {
    const { settled, length, open } = cut(this.#text.slice(this.#settledLength));
    this.#removeTail();
    if (settled.length > 0) this.element.append(rendered(settled, { highlight: true }));
    this.#settledLength += length;
    const tail = rendered(open, { highlight: false });
    this.#tail = [...tail.childNodes];
    this.element.append(tail);
  }

  #finish(): void {
    this.#removeTail();
    const rest = blocksOf(this.#text.slice(this.#settledLength));
    this.element.append(rendered(rest, { highlight: true }));
    this.#settledLength = this.#text.length;
  }

  #renderWhole(): void {
    this.element.replaceChildren(renderedText(this.#text));
    this.#tail = [];
  }

  #removeTail(): void {
    for (const node of this.#tail) node.remove();
    this.#tail = [];
  }

  #clear(): void {
    this.element.replaceChildren();
    this.#tail = [];
    this.#settledLength = 0;
  }
}
