/** What agents made, as the chat shows it: one card each, which stays in its place when the thing is made anew. */

import type { Plan, Report } from "./protocol";

export interface MadePlan {
  plan: Plan;
  /** The text of its cell in the notebook; `null` where the server has not told. */
  checklist: string | null;
}

export interface MadeReport {
  report: Report;
  /** When it came, behind the run and its cell; `null` where the server has not told. */
  reportedAt: string | null;
}

/** Something that agents made; stands behind the entry after which it came. */
export interface Card {
  key: string;
  /** The entry's `messageId`; `null` before all. */
  behind: string | null;
  made: MadePlan | MadeReport;
}

/** The cards with this one: new and behind that entry, or in the place of what it was. */
export function withCard(cards: readonly Card[], made: Card["made"], behind: string | null): readonly Card[] {
  const key = "plan" in made ? `plan ${made.plan.planId}` : `report ${made.report.reportId}`;
  const before = cards.find((card) => card.key === key);
  return before ? cards.map((card) => (card === before ? { ...card, made } : card)) : [...cards, { key, behind, made }];
}
