import type { Picture } from "../picture";
import { aroundChoice } from "../words";
import { button, h, icon, ICONS, setText } from "./dom";
import { ProviderPanel, type Ask } from "./providerPanel";

/** What is never forgotten of who answers; what to do about it the notice says. */
const DEMO = "built-in demo model, often wrong";
const SCRIPTED = "scripted replies: no model answers";

/** Who answers, what is to be known of them, and the way to choose another. */
export class ProviderBar {
  readonly #name = h("div", { class: "whisperer-provider", role: "status", "aria-label": "Provider" });
  readonly #choose = button("whisperer-quiet", "Choose a provider", () => {
    this.#toggle();
  }, icon(ICONS.choose));
  readonly #panel: ProviderPanel;
  readonly #badge = h("div", { class: "whisperer-badge", hidden: true });
  readonly #notice = h("div", { class: "whisperer-notice", hidden: true });
  readonly element = h("div", { class: "whisperer-answering" }, this.#name, this.#choose);
  /** What stands below the bar, in the chat's whole width. */
  readonly below: readonly HTMLElement[];

  constructor(ask: Ask) {
    this.#panel = new ProviderPanel(ask, () => {
      this.#choose.setAttribute("aria-expanded", "false");
      this.#choose.focus();
    });
    this.#choose.setAttribute("aria-expanded", "false");
    this.below = [this.#panel.element, this.#badge, this.#notice];
  }

  update({ chat: { provider }, connection, remarks }: Picture): void {
    setText(this.#name, provider ? [provider.label, provider.model].filter(Boolean).join(" · ") : "");
    this.#name.title = this.#name.textContent;
    const demo = provider?.demo === true;
    this.#paintBadge(demo ? [provider.name === "scripted" ? SCRIPTED : DEMO, provider.notice].filter(Boolean).join(". ") : "");
    setText(this.#notice, [demo ? "" : provider?.notice, remarks.where].filter(Boolean).join(" "));
    this.#choose.disabled = connection !== "live";
  }

  /** Closes the choice. Returns whether it was open. */
  close(): boolean {
    const { isOpen } = this.#panel;
    if (isOpen) this.#panel.close();
    return isOpen;
  }

  #toggle(): void {
    if (this.close()) return;
    this.#choose.setAttribute("aria-expanded", "true");
    void this.#panel.open();
  }

  /** Where its words are about choosing a provider, they lead there. */
  #paintBadge(words: string): void {
    if (this.#badge.textContent === words) return;
    this.#badge.hidden = words === "";
    const around = aroundChoice(words);
    this.#badge.replaceChildren(...(around ? [around.before, this.#choiceIn(around.choice), around.after] : [words]));
  }

  #choiceIn(words: string): HTMLElement {
    const open = () => {
      if (!this.#choose.disabled && !this.#panel.isOpen) this.#toggle();
    };
    return button("whisperer-link-button", words, open, words);
  }
}
