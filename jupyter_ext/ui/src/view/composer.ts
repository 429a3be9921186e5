import { button, h, icon, ICONS } from "./dom";

/** Where a text that is not sent yet outlives the view. */
export interface Draft {
  load(): string;
  save(text: string): void;
}

export interface ComposerActions {
  /** Resolves to whether the text was taken; if not, it comes back into the box. */
  onSend: (text: string) => boolean | Promise<boolean>;
  onStop: () => void;
}

/**
 * The text box and its button. While a turn runs the button is Stop, Enter queues what was typed, and a second, smaller
 * button does the same for those who do not use a keyboard.
 */
export class Composer {
  readonly element = h("div", { class: "whisperer-composer" });
  readonly #box = h("textarea", { rows: "1", "aria-label": "Message", spellcheck: "true" });
  readonly #queue = button("whisperer-queue", "Queue", () => void this.#send(), "Queue");
  readonly #main = button("whisperer-main", "Send", () => {
    this.#press();
  });
  #running: boolean | null = null;

  constructor(
    private readonly draft: Draft,
    private readonly actions: ComposerActions,
  ) {
    this.#box.value = draft.load();
    this.#box.addEventListener("input", () => {
      this.#typed();
    });
    this.#box.addEventListener("keydown", (event) => {
      this.#key(event);
    });
    this.element.append(this.#box, this.#queue, this.#main);
    // Only laid out does the box know how high its text is.
    requestAnimationFrame(() => {
      this.#fit();
    });
  }

  update(running: boolean, agentName: string): void {
    this.#box.placeholder = agentName ? `Ask ${agentName}` : "Ask";
    if (running === this.#running) return;
    this.#running = running;
    const [label, path] = running ? (["Stop", ICONS.stop] as const) : (["Send", ICONS.send] as const);
    this.#main.setAttribute("aria-label", label);
    this.#main.title = running ? "Stop (Esc)" : "Send (Enter)";
    this.#main.dataset["does"] = label.toLowerCase();
    this.#main.replaceChildren(icon(path));
    this.#enable();
  }

  focus(): void {
    this.#box.focus();
  }

  #press(): void {
    if (this.#running) this.actions.onStop();
    else void this.#send();
    this.focus();
  }

  #key(event: KeyboardEvent): void {
    // While an input method composes, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#send();
  }

  async #send(): Promise<void> {
    const text = this.#box.value.trim();
    if (!text) return;
    this.#fill("");
    const taken = await this.actions.onSend(text);
    if (!taken && this.#box.value === "") this.#fill(text);
  }

  #fill(text: string): void {
    this.#box.value = text;
    this.#typed();
  }

  #typed(): void {
    this.draft.save(this.#box.value);
    this.#fit();
    this.#enable();
  }

  #enable(): void {
    const isEmpty = this.#box.value.trim() === "";
    this.#main.disabled = !this.#running && isEmpty;
    this.#queue.hidden = !this.#running || isEmpty;
  }

  /** As high as its text, as far as the style sheet lets it grow. */
  #fit(): void {
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }
}
