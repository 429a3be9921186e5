import { button, h } from "./dom";

/** What one could ask, where nothing has been asked yet. A click asks it. */
export class Suggestions {
  readonly element = h("div", { class: "whisperer-suggestions", role: "group", "aria-label": "Suggestions" });
  #shown: readonly string[] | null = null;

  constructor(private readonly onAsk: (text: string) => void) {}

  /** `null`: it is not the time to suggest anything. */
  update(offered: readonly string[] | null): void {
    if (offered === this.#shown) return;
    this.#shown = offered;
    this.element.hidden = !offered?.length;
    this.element.replaceChildren(...(offered ?? []).map((text) => this.#offer(text)));
  }

  #offer(text: string): HTMLElement {
    const ask = () => {
      this.onAsk(text);
    };
    return button("whisperer-suggestion", text, ask, text);
  }
}
