import type { Mode } from "../protocol";
import { h } from "../view/dom";
import { LabChat } from "./labChat";
import type { Panel } from "./panel";

const NO_KERNEL = "This notebook has no kernel. Choose one, and Whisperer is here.";

/** Where the chat with a notebook's agents stands, whichever kernel the notebook has. */
export class ChatPlace {
  readonly element = h("div", { class: "whisperer-place" });
  #chat: LabChat | null = null;
  #kernelId: string | null | undefined;

  constructor(
    private readonly panel: Panel,
    private readonly mode: () => Mode | null,
  ) {
    panel.widget.sessionContext.kernelChanged.connect(this.#show);
    void panel.widget.sessionContext.ready.then(this.#show);
    this.#show();
  }

  /** `null` while the notebook has no kernel. */
  get chat(): LabChat | null {
    return this.#chat;
  }

  close(): void {
    this.panel.widget.sessionContext.kernelChanged.disconnect(this.#show);
    this.#kernelId = "closed";
    this.#chat?.close();
  }

  readonly #show = (): void => {
    const kernelId = this.panel.kernelId;
    if (kernelId === this.#kernelId || this.#kernelId === "closed") return;
    this.#kernelId = kernelId;
    this.#chat?.close();
    this.#chat = kernelId === null ? null : new LabChat(this.panel, kernelId, this.mode);
    this.element.replaceChildren(this.#chat?.element ?? h("p", { class: "whisperer-word" }, NO_KERNEL));
  };
}
