import { segmentsOf, type Segment } from "../readings";
import type { AgentEntry } from "../entries";
import { errorDetail, errorTitle, finishWords, leftOutWords, usageDetail, usageWords } from "../words";
import { avatar, tint, type Cast } from "./cast";
import { button, h, icon, ICONS, setText } from "./dom";
import { StreamedMarkdown } from "./streamedMarkdown";
import { timeOf } from "./time";
import { ToolCard } from "./toolCard";
import { workingDots } from "./workingDots";

/** Asks the same again; `null` where there is nothing to ask. */
type OnAgain = (() => void) | null;

/** What an agent says and does in one turn, as it comes. */
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
  readonly #said = h("div", { class: "whisperer-segments" });
  readonly #segments: SegmentView[] = [];
  readonly #dots = workingDots();
  readonly #end = h("footer", { class: "whisperer-end" });
  #shown: AgentEntry | null = null;
  #onAgain: OnAgain = null;
  #cast: Cast | null = null;
  #rests = false;

  constructor() {
    const body = h("div", { class: "whisperer-said" });
    body.append(this.#author, this.#reasoningFrame, this.#said, this.#dots, this.#end);
    this.element.append(this.#face, body);
  }

  /** What a screen reader hears when the turn is over. */
  get plainText(): string {
    return `${this.#said.textContent} ${this.#end.textContent}`.trim();
  }

  /** From now until it wakes, what is finished is shown as it was written. */
  rest(): void {
    this.#rests = true;
  }

  wake(): void {
    this.#rests = false;
    if (this.#shown) this.#showSegments(this.#shown);
  }

  update(entry: AgentEntry, cast: Cast, onAgain: OnAgain): void {
    if (cast !== this.#cast) this.#introduce(entry, cast);
    if (entry === this.#shown && onAgain === this.#onAgain) return;
    this.#shown = entry;
    this.#onAgain = onAgain;
    const isRunning = entry.finishReason === null;
    this.element.classList.toggle("whisperer-running", isRunning);
    setText(this.#reasoning, entry.reasoning);
    this.#reasoningFrame.hidden = entry.reasoning === "";
    this.#showSegments(entry);
    this.#end.replaceChildren(...(isRunning ? [] : endOf(entry, onAgain)));
  }

  #introduce({ agent, ts }: AgentEntry, cast: Cast): void {
    this.#cast = cast;
    this.element.dataset["agent"] = agent;
    const name = cast.nameOf(agent);
    this.element.setAttribute("aria-label", name);
    tint(this.element, cast.get(agent));
    this.#face.replaceChildren(avatar(cast.get(agent), name));
    this.#author.replaceChildren(h("span", { class: "whisperer-name" }, name), timeOf(ts));
  }

  #showSegments(entry: AgentEntry): void {
    const segments = segmentsOf(entry);
    const isRunning = entry.finishReason === null;
    segments.forEach((segment, index) => {
      const isGrowing = isRunning && index === segments.length - 1;
      (this.#segments[index] ?? this.#addSegment()).update(segment, isGrowing, this.#rests && !isRunning);
    });
    // With no text at its end nothing else would show that there is more to come.
    this.#dots.hidden = !isRunning || segments.at(-1)?.text.trim() !== "";
  }

  #addSegment(): SegmentView {
    const view = new SegmentView();
    this.#segments.push(view);
    this.#said.append(view.element);
    return view;
  }
}

class SegmentView {
  readonly element = h("div", { class: "whisperer-segment" });
  readonly #text = new StreamedMarkdown();
  readonly #cards = new Map<string, ToolCard>();

  constructor() {
    this.element.append(this.#text.element);
  }

  update({ text, toolCalls }: Segment, isGrowing: boolean, isPlain: boolean): void {
    this.element.classList.toggle("whisperer-growing", isGrowing);
    this.element.classList.toggle("whisperer-plain", isPlain);
    if (isPlain) this.#text.showPlain(text);
    else this.#text.update(text, !isGrowing);
    for (const call of toolCalls) {
      const card = this.#cards.get(call.toolCallId) ?? this.#addCard(call.toolCallId);
      card.update(call);
    }
  }

  #addCard(toolCallId: string): ToolCard {
    const card = new ToolCard();
    this.#cards.set(toolCallId, card);
    this.element.append(card.element);
    return card;
  }
}

function endOf(entry: AgentEntry, onAgain: OnAgain): Node[] {
  const ending = finishWords(entry.finishReason);
  const figures = usageWords(entry.usage);
  const leftOut = leftOutWords(entry.dropped, entry.truncated);
  const again = onAgain ? [button("whisperer-quiet", "Ask again", onAgain, icon(ICONS.again), "Ask again")] : [];
  const hasFailed = entry.finishReason === "error" || entry.error !== null;
  return [
    ...(hasFailed ? [errorOf(entry, again)] : []),
    ...(ending ? [h("span", { class: "whisperer-finish", "data-reason": entry.finishReason ?? "" }, ending)] : []),
    ...(leftOut ? [h("span", { class: "whisperer-figures" }, leftOut)] : []),
    ...(figures ? [h("span", { class: "whisperer-figures", title: usageDetail(entry.usage) }, figures)] : []),
    ...(hasFailed ? [] : again),
  ];
}

function errorOf({ error }: AgentEntry, again: readonly Node[]): HTMLElement {
  const frame = h("div", { class: "whisperer-error" });
  if (error) {
    frame.dataset["kind"] = error.kind;
    frame.append(
      h("strong", {}, errorTitle(error)),
      h("span", { class: "whisperer-kind" }, error.kind),
      h("p", {}, errorDetail(error)),
    );
  } else frame.append(h("strong", {}, "The turn failed"));
  frame.append(...again);
  return frame;
}
