/** A chat that the plugin itself shows: in the side panel, and in an output whose widget is gone. */

import type { Offer } from "../notebook";
import { Outbox } from "../outbox";
import { draftOf, pageStorage, storageKey } from "../pageStorage";
import type { ContextItem, Mode } from "../protocol";
import { SessionClient } from "../session";
import { ChatView } from "../view/chat";
import type { Panel } from "./panel";

export class LabChat {
  readonly #session: SessionClient;
  readonly #view: ChatView;
  #joined: string | null = null;

  constructor(
    private readonly panel: Panel,
    private readonly kernelId: string,
    mode: () => Mode | null,
  ) {
    const outbox = new Outbox(storageKey("outbox", kernelId), pageStorage());
    const params = () => {
      const chosen = mode();
      return { kernelId: transport.kernelId ?? kernelId, ...(chosen && { mode: chosen }) };
    };
    const transport = panel.reach.transport("chat");
    this.#session = new SessionClient(transport, params, outbox);
    this.#view = new ChatView(this.#session, {
      draft: draftOf(kernelId),
      ask: (from, does, asked) => panel.answers[does](from, asked),
    });
    this.#session.subscribe(() => void this.#join());
    this.#session.connect();
  }

  get element(): HTMLElement {
    return this.#view.element;
  }

  /** As if the person had typed it. */
  send(text: string, context: readonly ContextItem[]): void {
    this.#session.send(text, context);
  }

  /** Puts it with the next message. */
  attach(offer: Offer): void {
    this.#view.attach(offer);
  }

  /** Begins a message, where none is begun. */
  begin(text: string): void {
    this.#view.begin(text);
  }

  /** The session stays. */
  close(): void {
    this.#view.destroy();
    this.#session.disconnect();
  }

  async #join(): Promise<void> {
    const { sessionId } = this.#session;
    if (sessionId === null || sessionId === this.#joined) return;
    this.#joined = sessionId;
    this.#session.frontEnd = await this.panel.answers.join(this.element, { sessionId, kernelId: this.kernelId });
    this.#view.hasNotebook = true;
  }
}
