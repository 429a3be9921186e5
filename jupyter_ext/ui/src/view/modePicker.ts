import type { Mode } from "../protocol";
import { MODES } from "../words";
import { h } from "./dom";

/** Chooses what agents may do without asking. */
export class ModePicker {
  readonly element = h("label", { class: "whisperer-mode", hidden: true }, h("span", {}, "Mode"));
  readonly #select: HTMLSelectElement;

  constructor(onPick: (mode: Mode) => void) {
    const options = MODES.map(([mode, name, words]) => h("option", { value: mode, title: words }, name));
    this.#select = h("select", { "aria-label": "Mode" }, ...options);
    this.#select.addEventListener("change", () => {
      onPick(this.#select.value as Mode);
    });
    this.element.append(this.#select);
  }

  /** Shows the mode in force, also where another was just picked: the server may not permit that one. */
  update(mode: Mode | null, enabled: boolean): void {
    this.element.hidden = mode === null;
    this.#select.disabled = !enabled;
    if (mode === null) return;
    this.#select.value = mode;
    this.element.title = MODES.find(([known]) => known === mode)?.[2] ?? "";
  }
}
