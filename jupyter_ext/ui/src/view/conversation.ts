import { askableAgain } from "../again";
import type { Card, MadePlan } from "../cards";
import type { AgentEntry, Entry, UserEntry } from "../entries";
import type { Note, Picture } from "../picture";
import type { AskNotebook } from "../notebook";
import type { ContextItem } from "../protocol";
import { doneWith, queuedTurns, runningTurn } from "../readings";
import type { Outgoing } from "../outbox";
import { AgentMessage } from "./agentMessage";
import type { Cast } from "./cast";
import { h } from "./dom";
import { Nearness } from "./nearness";
import { NoteMessage } from "./noteMessage";
import { PendingReply } from "./pendingReply";
import { PlanCard, type PlanSurroundings } from "./planCard";
import { ReportCard } from "./reportCard";
import { UserMessage, type Delivery } from "./userMessage";

export interface ConversationActions {
  onTakeBack: (messageId: string) => void;
  onAsk: (text: string, context: readonly ContextItem[]) => void;
  /** Ask once more what the last turn left without a whole answer. */
  onAgain: () => void;
  onDiscard: (clientMessageId: string) => void;
  onStep: PlanSurroundings["onStep"];
  ask: AskNotebook;
}

/** So many rows at the end are rendered without waiting until they are known to be near: they nearly always are. */
const AT_ONCE = 12;

type Row = AgentMessage | UserMessage | PendingReply | NoteMessage | PlanCard | ReportCard;

/** The rows of the conversation, kept by key: what has not changed is not touched. */
export class Conversation {
  readonly element = h("div", { class: "whisperer-rows" });
  #rows = new Map<string, Row>();
  #kept = new Map<string, Row>();
  #hasNotebook = false;
  readonly #nearness = new Nearness();

  constructor(private readonly actions: ConversationActions) {}

  stop(): void {
    this.#nearness.stop();
  }

  /** `canTick`: what is shown is the newest, and a notebook is there whose plans may follow. */
  update(picture: Picture, cast: Cast, canTick: boolean): void {
    this.#kept = new Map();
    const running = runningTurn(picture.chat);
    const queued = queuedTurns(picture.chat);
    const askable = askableAgain(picture)?.messageId;
    const { entries, cards } = picture.chat;
    const { ask, onStep } = this.actions;
    const callsDone = (made: MadePlan) => doneWith(made, entries);
    const around = { ask, onStep, canTick, isLive: picture.connection === "live", callsDone };
    const cardsBehind = grouped(cards, ({ behind }) => behind);
    const notesBehind = grouped(picture.notes, ({ behind }) => Math.min(Math.max(behind, 0), entries.length));
    this.#showCards(cardsBehind.get(null), around);
    this.#showNotes(notesBehind.get(0));
    entries.forEach((entry, index) => {
      if (entry.role === "user") this.#showQuestion(entry, queued.has(entry.messageId) ? "queued" : "heard");
      else this.#showReply(entry, entry.messageId === askable, cast, entries.length - index > AT_ONCE);
      if (entry.role === "user" && entry.messageId === running && !isAnswered(entry, entries[index + 1]))
        this.#row("pending", PendingReply).update(entry.agent, cast, picture.chat.providerStatus);
      if (entries[index + 1]?.messageId !== entry.messageId) this.#showCards(cardsBehind.get(entry.messageId), around);
      this.#showNotes(notesBehind.get(index + 1));
    });
    for (const message of picture.outgoing) this.#showOutgoing(message, picture.connection === "live");
    this.#settle();
    if (this.#hasNotebook) this.#nameCells();
  }

  set hasNotebook(has: boolean) {
    this.#hasNotebook = has;
    if (has) this.#nameCells();
  }

  #nameCells(): void {
    for (const row of this.#rows.values()) if (row instanceof UserMessage) row.nameCells((cellId) => this.actions.ask("name", { cellId }));
  }

  /** The text of a reply as it stands there. */
  plainText(messageId: string): string {
    const row = this.#rows.get(`reply ${messageId}`);
    return row instanceof AgentMessage ? row.plainText : "";
  }

  #showQuestion(entry: UserEntry, delivery: Delivery): void {
    const key = `question ${entry.clientMessageId ?? entry.messageId}`;
    const row = this.#row(key, UserMessage);
    if (row.shows(entry, delivery)) return;
    row.entry = entry;
    row.attach(entry.context, entry.problems);
    row.update(entry.text, entry.ts, delivery, {
      onTakeBack: () => {
        this.actions.onTakeBack(entry.messageId);
      },
      onAgain: () => undefined,
      onDiscard: () => undefined,
    });
  }

  #showOutgoing({ clientMessageId, text, context, refusal }: Outgoing, isLive: boolean): void {
    const delivery = refusal === null ? (isLive ? "leaving" : "offline") : { refused: refusal };
    const row = this.#row(`question ${clientMessageId}`, UserMessage);
    row.attach(context);
    row.update(text, null, delivery, {
      onTakeBack: () => undefined,
      onAgain: () => {
        this.actions.onDiscard(clientMessageId);
        this.actions.onAsk(text, context);
      },
      onDiscard: () => {
        this.actions.onDiscard(clientMessageId);
      },
    });
  }

  #showReply(entry: AgentEntry, canAskAgain: boolean, cast: Cast, isFar: boolean): void {
    const key = `reply ${entry.messageId}`;
    const row = this.#row(key, AgentMessage);
    if (isFar && !this.#rows.has(key)) {
      row.rest();
      this.#nearness.watch(row, this.element.parentElement);
    }
    row.update(entry, cast, canAskAgain ? this.actions.onAgain : null);
  }

  /** In the order in which they were made. */
  #showCards(cards: readonly Card[] = [], around: PlanSurroundings): void {
    for (const { key, made } of cards) {
      if ("plan" in made) this.#row(key, PlanCard).update(made, around);
      else this.#row(key, ReportCard).update(made, around.ask);
    }
  }

  #showNotes(notes: readonly Note[] = []): void {
    for (const note of notes) this.#row(`note ${note.id}`, NoteMessage).update(note.text);
  }

  #row<R extends Row>(key: string, kind: new () => R): R {
    const known = this.#rows.get(key);
    const row = known instanceof kind ? known : new kind();
    this.#kept.set(key, row);
    return row;
  }

  /** Brings the document in line with the rows of this update. */
  #settle(): void {
    for (const [key, row] of this.#rows) {
      if (this.#kept.get(key) === row) continue;
      row.element.remove();
      this.#nearness.forget(row.element);
    }
    let next = this.element.firstElementChild;
    for (const { element } of this.#kept.values()) {
      if (element === next) next = next.nextElementSibling;
      else this.element.insertBefore(element, next);
    }
    this.#rows = this.#kept;
  }
}

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function isAnswered(question: UserEntry, next: Entry | undefined): boolean {
  return next?.role === "assistant" && next.messageId === question.messageId;
}
