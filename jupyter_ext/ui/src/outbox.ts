/** What the user sent and the server has not confirmed, kept over a reload of the page. */

import type { ContextItem } from "./protocol";
import { randomId } from "./randomId";

/** Where it is kept: the browser's `sessionStorage`, one per tab. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface Outgoing {
  clientMessageId: string;
  text: string;
  context: readonly ContextItem[];
  /** Known once the server has taken it; then only its event is awaited. */
  messageId: string | null;
  /** Why the server refused it. */
  refusal: string | null;
}

export class Outbox {
  #messages: readonly Outgoing[];

  /** `key` tells conversations apart; without a `store` nothing outlives the page. */
  constructor(
    private readonly key: string,
    private readonly store: Store | null,
    private readonly newId: () => string = randomId,
  ) {
    this.#messages = restore(key, store);
  }

  get messages(): readonly Outgoing[] {
    return this.#messages;
  }

  /** The first that has yet to be sent. */
  get next(): Outgoing | undefined {
    return this.#messages.find(({ messageId, refusal }) => messageId === null && refusal === null);
  }

  add(text: string, context: readonly ContextItem[] = []): void {
    this.#set([...this.#messages, { clientMessageId: this.newId(), text, context, messageId: null, refusal: null }]);
  }

  remove(clientMessageId: string): void {
    this.#set(this.#messages.filter((message) => message.clientMessageId !== clientMessageId));
  }

  removeAccepted(messageId: string): void {
    this.#set(this.#messages.filter((message) => message.messageId !== messageId));
  }

  accept(clientMessageId: string, messageId: string): void {
    this.#change(clientMessageId, { messageId });
  }

  refuse(clientMessageId: string, refusal: string): void {
    this.#change(clientMessageId, { refusal });
  }

  #change(clientMessageId: string, change: Partial<Outgoing>): void {
    this.#set(
      this.#messages.map((each) => (each.clientMessageId === clientMessageId ? { ...each, ...change } : each)),
    );
  }

  #set(messages: readonly Outgoing[]): void {
    this.#messages = messages;
    try {
      if (messages.length > 0) this.store?.setItem(this.key, JSON.stringify(messages));
      else this.store?.removeItem(this.key);
    } catch {
      // Storage is full or forbidden: the messages live as long as the page.
    }
  }
}

function restore(key: string, store: Store | null): readonly Outgoing[] {
  try {
    const saved = JSON.parse(store?.getItem(key) ?? "[]") as (Pick<Outgoing, "clientMessageId" | "text"> & Partial<Outgoing>)[];
    // Sent again under the same id: if the server has it already, that costs nothing.
    return saved.map(({ clientMessageId, text, context }) => ({
      clientMessageId,
      text,
      context: context ?? [],
      messageId: null,
      refusal: null,
    }));
  } catch {
    return [];
  }
}
