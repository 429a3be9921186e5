import type { Picture } from "../picture";
import { button, h } from "./dom";

/** Why the chat does not work, and a way to try again where that may help. */
export class ProblemBar {
  readonly element = h("div", { class: "whisperer-problem", role: "alert", hidden: true });

  constructor(private readonly onRetry: () => void) {}

  update({ problem, chat }: Picture): void {
    const words = problem ?? (chat.status === 3 ? (chat.statusReason ?? "The session has failed.") : null);
    if ((this.element.firstElementChild?.textContent ?? null) === words) return;
    this.element.hidden = words === null;
    this.element.replaceChildren(
      ...(words === null ? [] : [h("p", {}, words)]),
      ...(problem === null ? [] : [button("whisperer-quiet", "Try again", this.onRetry, "Try again")]),
    );
  }
}
