/** What the cards of plans and of test reports have in common: a few lines each, the whole stands in the notebook. */

import { button, h, icon, ICONS, setText } from "./dom";

const TOLD_MS = 3_000;

/** The frame of a card: its kind, its title, a word at the right. */
export class MadeCard {
  readonly element: HTMLElement;
  readonly #title = h("strong", {});
  readonly #aside = h("span", { class: "whisperer-made-aside" });

  constructor(kind: string, className: string) {
    const header = h("header", {}, h("span", { class: "whisperer-made-kind" }, kind), this.#title, this.#aside);
    this.element = h("article", { class: `whisperer-made ${className}`, "aria-label": kind }, header);
  }

  name(title: string, aside: string): void {
    setText(this.#title, title);
    setText(this.#aside, aside);
  }
}

/** Leads to the cell; says so where it is gone. The style sheet shows it where a notebook is. */
export function showButton(show: () => Promise<unknown> | null): HTMLButtonElement {
  const name = "Show in notebook";
  const label = h("span", {}, name);
  const press = async (): Promise<void> => {
    const problem = await (show() ?? Promise.reject(new Error("No notebook"))).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : "Failed"),
    );
    if (problem === null) return;
    label.textContent = problem;
    setTimeout(() => (label.textContent = name), TOLD_MS);
  };
  return button("whisperer-quiet whisperer-use", name, () => void press(), icon(ICONS.down), label);
}
