/**
 * What this client has of a session's log: the state that its events add up to. Each event is taken once and in its
 * place, however often connections are lost; a gap is never skipped.
 */

import type { ResumeResult, SessionEvent, StartResult } from "./protocol";
import { EMPTY, fold, fromSnapshot, withPermissions, type ChatState } from "./state";
import type { Notification } from "./transport";

/** What became of an event: taken; known before, or another session's; or too early, because others are missing. */
export type Reception = "taken" | "ignored" | "early";

export class Replica {
  #sessionId: string | null;
  #chat: ChatState = EMPTY;
  #lastSeq = 0;
  /** Up to here events are a replay of what happened before. */
  #replayUntil = 0;

  /** `sessionId`: a session to go on with, of which nothing is known yet; `null` where there is none. */
  constructor(sessionId: string | null) {
    this.#sessionId = sessionId;
  }

  get sessionId(): string | null {
    return this.#sessionId;
  }

  get chat(): ChatState {
    return this.#chat;
  }

  /** The last event taken; 0 before the first. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** False while earlier events are being replayed: what they tell is no news. */
  get isCaughtUp(): boolean {
    return this.#lastSeq >= this.#replayUntil;
  }

  /** Begins with a session that was started, or found, and of which no event was heard. */
  begin({ sessionId, agent, status, provider, mode }: StartResult): void {
    this.#sessionId = sessionId;
    this.#lastSeq = 0;
    this.#chat = { ...EMPTY, agent, status, provider: provider ?? null, mode: mode ?? null };
  }

  /** The session is gone; what was said in it is shown until another begins. */
  leave(): void {
    this.#sessionId = null;
  }

  /** Goes on where the session was resumed: every event behind `lastSeq` comes after this. */
  resume({ seq, agent, status, provider, mode, snapshot, pending }: ResumeResult): void {
    this.#replayUntil = seq;
    const told: ChatState = {
      ...this.#chat,
      // While events are missing, what this answer says is newer than what the last of them said.
      agent: this.#chat.agent || agent,
      status,
      provider: provider ?? this.#chat.provider,
      mode: mode ?? this.#chat.mode,
    };
    if (snapshot) this.#lastSeq = snapshot.seq;
    this.#chat = withPermissions(snapshot ? fromSnapshot(told, snapshot) : told, pending?.permissions ?? []);
  }

  take({ method, params }: Notification): Reception {
    if (params.sessionId !== this.#sessionId || params.seq <= this.#lastSeq) return "ignored";
    if (params.seq !== this.#lastSeq + 1) return "early";
    this.#lastSeq = params.seq;
    this.#chat = fold(this.#chat, { method, params } as unknown as SessionEvent);
    return "taken";
  }
}
