import type { Offer, Surroundings } from "../notebook";
import type { AgentInfo, ContextItem } from "../protocol";
import { Attachments } from "./attachments";
import { Completion, type Choice } from "./completion";
import { button, h, icon, ICONS } from "./dom";
import { agentsFor, mentionAt, offersFor, without, type Mention } from "./mention";

/** Where a text that is not sent yet outlives the view. */
export interface Draft {
  load(): string;
  save(text: string): void;
}

export interface ComposerActions {
  /** Resolves to whether the text was taken; if not, it comes back into the box. */
  onSend: (text: string, context: readonly ContextItem[]) => boolean | Promise<boolean>;
  onStop: () => void;
  /** What is in the notebook around; `null` where there is none. */
  look: () => Promise<Surroundings> | null;
}

/**
 * The text box and its button. While a turn runs the button is Stop, Enter queues what was typed, and a second, smaller
 * button does the same for those who do not use a keyboard.
 */
export class Composer {
  readonly element = h("div", { class: "whisperer-compose" });
  readonly #row = h("div", { class: "whisperer-composer" });
  readonly #box = h("textarea", { rows: "1", "aria-label": "Message", spellcheck: "true" });
  readonly #queue = button("whisperer-queue", "Queue", () => void this.#send(), "Queue");
  readonly #main = button("whisperer-main", "Send", () => {
    this.#press();
  });
  readonly #add = button("whisperer-add", "Add context", () => {
    this.#beginMention();
  });
  readonly #attachments = new Attachments();
  readonly #completion = new Completion(this.#box, () => {
    this.#forgetMention();
  });
  #agents: readonly AgentInfo[] = [];
  /** The mention that the button typed asks for context, not for an agent. */
  #addsContext = false;
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
    this.#box.addEventListener("blur", () => {
      this.#completion.leave();
    });
    this.#add.append(icon(ICONS.add));
    this.#row.append(this.#add, this.#box, this.#queue, this.#main);
    this.element.append(this.#completion.element, this.#attachments.element, this.#row);
    // Only laid out does the box know how high its text is.
    requestAnimationFrame(() => {
      this.#fit();
    });
  }

  update(running: boolean, agentName: string, agents: readonly AgentInfo[]): void {
    this.#agents = agents;
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

  attach(offer: Offer): void {
    this.#attachments.add(offer);
    this.focus();
  }

  begin(text: string): void {
    if (this.#box.value.trim() === "") this.#fill(text);
    this.focus();
  }

  #press(): void {
    if (this.#running) this.actions.onStop();
    else void this.#send();
    this.focus();
  }

  #key(event: KeyboardEvent): void {
    if (!event.isComposing && this.#completion.key(event)) {
      event.preventDefault();
      // Escape closes the list, and must not stop the turn as well.
      event.stopPropagation();
      return;
    }
    // While an input method composes, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#send();
  }

  async #send(): Promise<void> {
    const text = this.#box.value.trim();
    if (!text) return;
    const context = this.#attachments.items;
    this.#fill("");
    this.#attachments.clear();
    const taken = await this.actions.onSend(text, context);
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
    void this.#complete();
  }

  /** The button types what opens the list: who has seen it once can do without. */
  #beginMention(): void {
    const { value, selectionEnd } = this.#box;
    const gap = selectionEnd === 0 || /\s$/.test(value.slice(0, selectionEnd)) ? "" : " ";
    this.#box.setRangeText(`${gap}@`, selectionEnd, selectionEnd, "end");
    this.#addsContext = true;
    this.focus();
    this.#typed();
  }

  /** What the button typed goes again; what a person typed is hers. */
  #forgetMention(): void {
    const mention = this.#mention();
    if (mention && this.#addsContext) this.#replace(mention, "");
  }

  async #complete(): Promise<void> {
    const mention = this.#mention();
    if (!mention) {
      this.#addsContext = false;
      this.#completion.close();
      return;
    }
    const around = await this.#look();
    // Meanwhile more may have been typed.
    if (this.#mention()?.typed !== mention.typed) return;
    this.#completion.offer([...this.#agentChoices(mention), ...this.#contextChoices(mention, around)], mention.typed);
  }

  async #look(): Promise<Surroundings | null> {
    try {
      return await this.actions.look();
    } catch {
      return null;
    }
  }

  #mention(): Mention | null {
    return mentionAt(this.#box.value, this.#box.selectionEnd);
  }

  #agentChoices(mention: Mention): Choice[] {
    const agents = this.#addsContext ? [] : agentsFor(mention, this.#agents);
    return agents.map(({ agent_id, name, role }) => ({
      label: [name, role].filter(Boolean).join(", "),
      word: agent_id,
      choose: () => {
        this.#replace(mention, `@${agent_id} `);
      },
    }));
  }

  #contextChoices(mention: Mention, around: Surroundings | null): Choice[] {
    if (!around) return [];
    return offersFor(mention, around).map((offer) => ({
      label: offer.label,
      word: offer.name,
      choose: () => {
        this.#attachments.add(offer);
        // What stands in a sentence stays there, by its name.
        this.#replace(mention, this.#addsContext ? "" : offer.name);
      },
    }));
  }

  #replace(mention: Mention, instead: string): void {
    this.#fill(without(this.#box.value, mention, instead));
    const caret = mention.start + instead.length;
    this.#box.setSelectionRange(caret, caret);
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
