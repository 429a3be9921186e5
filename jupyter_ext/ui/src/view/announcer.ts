import { EndedTurns } from "../endedTurns";
import type { AgentEntry, Entry } from "../entries";
import { h } from "./dom";

const SAID_CHARACTERS = 300;

/** Tells those who listen to the chat what others see: that a reply has ended, and that they are asked something. */
export class Announcer {
  readonly element = h("div", { class: "whisperer-unseen", "aria-live": "polite" });
  readonly #ended = new EndedTurns();

  say(words: string): void {
    this.element.textContent = words;
  }

  /** Says the beginning of the reply that has ended; `isNews`: it was not told before. */
  sayEnd(entries: readonly Entry[], isNews: boolean, said: (reply: AgentEntry) => { author: string; text: string }): void {
    const reply = this.#ended.look(entries, isNews);
    if (!reply) return;
    const { author, text } = said(reply);
    this.say(`${author}: ${text.slice(0, SAID_CHARACTERS)}`);
  }
}
