import type { AgentEntry } from "../state";
import { errorDetail, errorTitle, finishWords, usageDetail, usageWords } from "../words";
import { avatar, tint, type Cast } from "./cast";
import { button, h, icon, ICONS, setText } from "./dom";
import { StreamedMarkdown } from "./streamedMarkdown";
import { timeOf } from "./time";
import { ToolCard } from "./toolCard";

export interface AgentMessageActions {
  /** Asks the same again; absent where there is nothing to ask. */
  onAgain?: () => void;
}

/** What an agent says in one turn, as it comes. */
export class AgentMessage {
  readonly element = h("article", { class: "whisperer-message", "data-author": "agent" });
  readonly #face = h("div", { class: "whisperer-face" });
  readonly #author = h("header", { class: "whisperer-author" });
  readonly #reasoning = h("div", { class: "whisperer-reasoning-text" });
  readonly #reasoningFrame = h(
    "details",
    { class: "whisperer-reasoning", hidden: true },
    h("summary", {}, "Reasoning"),
    this.#reasoning,
  );
  readonly #tools = h("div", { class: "whisperer-tools" });
  readonly #cards = new Map<string, ToolCard>();
  readonly #text = new StreamedMarkdown();
  readonly #end = h("footer", { class: "whisperer-end" });
  #shown: AgentEntry | null = null;
  #cast: Cast | null = null;

  constructor() {
    const body = h("div", { class: "whisperer-said" });
    body.append(this.#author, this.#reasoningFrame, this.#tools, this.#text.element, this.#end);
    this.element.append(this.#face, body);
  }

  /** What a screen reader hears when the turn is over. */
  get plainText(): string {
    return `${this.#text.element.textContent} ${this.#end.textContent}`.trim();
  }

  update(entry: AgentEntry, cast: Cast, actions: AgentMessageActions): void {
    if (cast !== this.#cast) this.#introduce(entry, cast);
    if (entry === this.#shown) return;
    this.#shown = entry;
    const isRunning = entry.finishReason === null;
    this.element.classList.toggle("whisperer-running", isRunning);
    this.#text.update(entry.text, !isRunning);
    setText(this.#reasoning, entry.reasoning);
    this.#reasoningFrame.hidden = entry.reasoning === "";
    this.#showTools(entry);
    this.#end.replaceChildren(...(isRunning ? [] : endOf(entry, actions)));
  }

  #introduce({ agent, ts }: AgentEntry, cast: Cast): void {
    this.#cast = cast;
    const name = cast.nameOf(agent);
    this.element.setAttribute("aria-label", name);
    tint(this.element, cast.get(agent));
    this.#face.replaceChildren(avatar(cast.get(agent), name));
    this.#author.replaceChildren(h("span", { class: "whisperer-name" }, name), timeOf(ts));
  }

  #showTools({ toolCalls }: AgentEntry): void {
    for (const call of toolCalls) {
      const card = this.#cards.get(call.toolCallId) ?? this.#addCard(call.toolCallId, call.toolName);
      card.update(call);
    }
  }

  #addCard(toolCallId: string, name: string): ToolCard {
    const card = new ToolCard(name);
    this.#cards.set(toolCallId, card);
    this.#tools.append(card.element);
    return card;
  }
}

function endOf(entry: AgentEntry, { onAgain }: AgentMessageActions): Node[] {
  const parts: Node[] = [];
  if (entry.error) {
    parts.push(
      h(
        "div",
        { class: "whisperer-error", "data-kind": entry.error.kind },
        h("strong", {}, errorTitle(entry.error)),
        h("span", { class: "whisperer-kind" }, entry.error.kind),
        h("p", {}, errorDetail(entry.error)),
        ...(onAgain ? [button("whisperer-quiet", "Ask again", onAgain, icon(ICONS.again), "Ask again")] : []),
      ),
    );
  } else if (entry.finishReason === "error") {
    parts.push(h("div", { class: "whisperer-error" }, h("strong", {}, "The turn failed")));
  }
  const ending = finishWords(entry.finishReason);
  if (ending) parts.push(h("span", { class: "whisperer-finish", "data-reason": entry.finishReason ?? "" }, ending));
  const figures = usageWords(entry.usage);
  if (figures) parts.push(h("span", { class: "whisperer-figures", title: usageDetail(entry.usage) }, figures));
  return parts;
}
