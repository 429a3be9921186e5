import type { AgentEntry, Entry } from "./entries";

/** Knows which turns are over, so that each end is news once. */
export class EndedTurns {
  #known: ReadonlySet<string> | null = null;

  /**
   * The newest reply whose turn has ended since the last look; `null` where none has. What ended before the first look,
   * or is told by a replay (`isNews` false), is old.
   */
  look(entries: readonly Entry[], isNews: boolean): AgentEntry | null {
    const ended = entries.filter((entry) => entry.role === "assistant").filter(({ finishReason }) => finishReason !== null);
    const before = this.#known;
    this.#known = new Set(ended.map(({ messageId }) => messageId));
    if (!before || !isNews) return null;
    return ended.findLast(({ messageId }) => !before.has(messageId)) ?? null;
  }
}
