import { randomId } from "../randomId";
import { h } from "./dom";

/** Something that can be chosen: `choose` is called with what was typed already taken away. */
export interface Choice {
  label: string;
  /** By which typing finds it, beside its label. */
  word: string;
  choose: () => void;
}

const MOST_SHOWN = 8;

/** What can stand for the word that is being typed: a list under the text box, which keeps the focus. */
export class Completion {
  readonly element = h("ul", { class: "whisperer-choices", role: "listbox", "aria-label": "Completions", hidden: true });
  readonly #id = `whisperer-choices-${randomId()}`;
  #choices: readonly Choice[] = [];
  #at = 0;

  constructor(
    private readonly box: HTMLTextAreaElement,
    /** It was closed without a choice. */
    private readonly onLeave: () => void = () => undefined,
  ) {
    this.element.id = this.#id;
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", this.#id);
  }

  get isOpen(): boolean {
    return this.#choices.length > 0;
  }

  /** Shows those of the choices that what was typed may mean. */
  offer(choices: readonly Choice[], typed: string): void {
    const wanted = typed.toLowerCase();
    const fits = ({ word, label }: Choice) =>
      word.toLowerCase().startsWith(wanted) || (wanted !== "" && label.toLowerCase().includes(wanted));
    this.#choices = choices.filter(fits).slice(0, MOST_SHOWN);
    this.#at = 0;
    this.#show();
  }

  close(): void {
    if (!this.isOpen) return;
    this.#choices = [];
    this.#show();
  }

  leave(): void {
    this.close();
    this.onLeave();
  }

  /** Whether the key was for the list. */
  key({ key }: KeyboardEvent): boolean {
    if (!this.isOpen) return false;
    if (key === "ArrowDown" || key === "ArrowUp") this.#move(key === "ArrowDown" ? 1 : -1);
    else if (key === "Enter" || key === "Tab") this.#choose(this.#at);
    else if (key === "Escape") this.leave();
    else return false;
    return true;
  }

  #move(by: number): void {
    this.#at = (this.#at + by + this.#choices.length) % this.#choices.length;
    this.#show();
  }

  #choose(index: number): void {
    const choice = this.#choices[index];
    this.close();
    choice?.choose();
  }

  #show(): void {
    this.element.hidden = !this.isOpen;
    this.element.replaceChildren(...this.#choices.map((choice, index) => this.#option(choice, index)));
    if (this.isOpen) this.box.setAttribute("aria-activedescendant", `${this.#id}-${this.#at}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  #option({ label }: Choice, index: number): HTMLElement {
    const isActive = index === this.#at;
    const option = h("li", { role: "option", id: `${this.#id}-${index}`, "aria-selected": String(isActive) }, label);
    // Before the box would lose the focus.
    option.addEventListener("mousedown", (event) => {
      event.preventDefault();
      this.#choose(index);
    });
    return option;
  }
}
