import type { Mode } from "../protocol";
import { MODES } from "../words";
import { h } from "./dom";

/** Chooses what agents may do without asking. */
export class ModePicker {
  readonly element: HTMLSelectElement;

  constructor(onPick: (mode: Mode) => void) {
    const options = MODES.map(([mode, name, words]) => h("option", { value: mode, title: words }, name));
    this.element = h("select", { class: "whisperer-mode", "aria-label": "Mode", hidden: true }, ...options);
    this.element.addEventListener("change", () => {
      onPick(this.element.value as Mode);
    });
  }

  /** Shows the mode in force, also where another was just picked: the server may not permit that one. */
  update(mode: Mode | null, enabled: boolean): void {
    this.element.hidden = mode === null;
    this.element.disabled = !enabled;
    if (mode === null) return;
    this.element.value = mode;
    this.element.title = MODES.find(([known]) => known === mode)?.[2] ?? "";
  }
}
