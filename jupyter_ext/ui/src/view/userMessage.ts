import type { ContextItem } from "../protocol";
import type { UserEntry } from "../entries";
import { contextWords } from "../words";
import { button, h, icon, ICONS, setText } from "./dom";
import { wholeDate } from "./time";

/** How far a message of the user has come; a refusal says why. */
export type Delivery = "heard" | "queued" | "leaving" | "offline" | { refused: string };

export interface UserMessageActions {
  onTakeBack: () => void;
  onAgain: () => void;
  onDiscard: () => void;
}

/** What the user said. Plain text: the user sees what was typed. */
export class UserMessage {
  readonly element = h("article", { class: "whisperer-message", "data-author": "user", "aria-label": "You" });
  readonly #text = h("div", { class: "whisperer-user-text" });
  readonly #context = h("ul", { class: "whisperer-attached", "aria-label": "Context", hidden: true });
  readonly #problems = h("div", { class: "whisperer-refusal", hidden: true });
  readonly #delivery = h("div", { class: "whisperer-delivery" });
  readonly #unnamed = new Map<string, HTMLElement>();
  #shown: Delivery | null = null;
  /** What it shows; `null` before the server has said it. */
  entry: UserEntry | null = null;

  constructor() {
    this.element.append(this.#text, this.#context, this.#problems, this.#delivery);
  }

  shows(entry: UserEntry, delivery: Delivery): boolean {
    return entry === this.entry && delivery === this.#shown;
  }

  attach(context: readonly ContextItem[], problems: readonly string[] = []): void {
    setText(this.#problems, problems.join("\n"));
    if (this.#context.childElementCount === context.length) return;
    this.#context.hidden = context.length === 0;
    this.#context.replaceChildren(...context.map((item) => this.#chip(item)));
  }

  /** Says which cells were sent along, where somebody knows. */
  nameCells(nameOf: (cellId: string) => Promise<string> | null): void {
    for (const [cellId, words] of this.#unnamed) {
      this.#unnamed.delete(cellId);
      void nameOf(cellId)?.then(
        (name) => (words.textContent = name),
        () => (words.textContent = "A cell that is no longer there"),
      );
    }
  }

  #chip(item: ContextItem): HTMLElement {
    const words = h("span", {}, contextWords(item));
    if (item.type === "cell") this.#unnamed.set(item.cellId, words);
    return h("li", { class: "whisperer-chip" }, words);
  }

  update(text: string, ts: string | null, delivery: Delivery, actions: UserMessageActions): void {
    setText(this.#text, text);
    if (ts) this.element.title = wholeDate(ts);
    if (delivery === this.#shown) return;
    this.#shown = delivery;
    this.element.dataset["delivery"] = typeof delivery === "string" ? delivery : "refused";
    this.#delivery.replaceChildren(...partsOf(delivery, actions));
  }
}

function partsOf(delivery: Delivery, { onTakeBack, onAgain, onDiscard }: UserMessageActions): Node[] {
  if (typeof delivery !== "string")
    return [
      h("span", { class: "whisperer-refusal" }, delivery.refused),
      button("whisperer-quiet", "Try again", onAgain, icon(ICONS.again)),
      button("whisperer-quiet", "Discard", onDiscard, icon(ICONS.remove)),
    ];
  if (delivery === "queued")
    return [
      h("span", {}, "Queued"),
      button("whisperer-quiet", "Remove from queue", onTakeBack, icon(ICONS.remove)),
    ];
  return delivery === "offline" ? [h("span", {}, "Will be sent when the connection is back")] : [];
}
