import type { Offer } from "../notebook";
import type { ContextItem } from "../protocol";
import { button, h, icon, ICONS } from "./dom";

/** What the next message will bring along. */
export class Attachments {
  readonly element = h("ul", { class: "whisperer-attached", "aria-label": "Context of the next message", hidden: true });
  #offers: readonly Offer[] = [];

  get items(): readonly ContextItem[] {
    return this.#offers.map(({ item }) => item);
  }

  add(offer: Offer): void {
    const isSame = ({ item }: Offer) => JSON.stringify(item) === JSON.stringify(offer.item);
    if (!this.#offers.some(isSame)) this.#set([...this.#offers, offer]);
  }

  clear(): void {
    this.#set([]);
  }

  #set(offers: readonly Offer[]): void {
    this.#offers = offers;
    this.element.hidden = offers.length === 0;
    this.element.replaceChildren(...offers.map((offer) => this.#chip(offer)));
  }

  #chip(offer: Offer): HTMLElement {
    const remove = button(
      "whisperer-quiet",
      `Remove ${offer.label}`,
      () => {
        this.#set(this.#offers.filter((other) => other !== offer));
      },
      icon(ICONS.remove),
    );
    return h("li", { class: "whisperer-chip" }, h("span", {}, offer.label), remove);
  }
}
