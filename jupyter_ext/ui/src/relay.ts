/**
 * Takes what waits in an outbox to the server: one message after the other, so that the order is the user's. A message
 * stays in the outbox until its event is there, or the server has refused it.
 */

import type { Outbox, Outgoing } from "./outbox";
import { ConnectionLost, messageOf } from "./transport";

export interface Way {
  /** Whether messages can leave now. */
  isOpen: () => boolean;
  /** Resolves to the server's id for the message. Rejects with `ConnectionLost`, or with why the server refused it. */
  send: (message: Outgoing) => Promise<{ messageId: string }>;
  /** Whether the event of this message was there already: after a reconnect it may come before the answer. */
  isHeard: (messageId: string) => boolean;
  /** The outbox has changed. */
  onChange: () => void;
}

export class OutboxRelay {
  #isUnderWay = false;

  constructor(
    private readonly outbox: Outbox,
    private readonly way: Way,
  ) {}

  /** Sends what waits, as long as the way is open. Rejects with `ConnectionLost`: what is left waits for the next call. */
  async flush(): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    try {
      for (let next = this.outbox.next; next && this.way.isOpen(); next = this.outbox.next) await this.#deliver(next);
    } finally {
      this.#isUnderWay = false;
    }
  }

  /** The event of a message is there: from now on the conversation shows it. */
  heard({ clientMessageId, messageId }: Record<string, unknown>): void {
    if (typeof clientMessageId === "string") this.outbox.remove(clientMessageId);
    if (typeof messageId === "string") this.outbox.removeAccepted(messageId);
  }

  async #deliver(message: Outgoing): Promise<void> {
    const { clientMessageId } = message;
    try {
      const { messageId } = await this.way.send(message);
      if (this.way.isHeard(messageId)) this.outbox.remove(clientMessageId);
      else this.outbox.accept(clientMessageId, messageId);
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      this.outbox.refuse(clientMessageId, messageOf(error));
    }
    this.way.onChange();
  }
}
