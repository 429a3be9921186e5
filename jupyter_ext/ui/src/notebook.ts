/**
 * The seam in the page between a chat and whoever owns the cells around it, the plugin of JupyterLab and Notebook 7.
 *
 * Both are loaded apart and share nothing but the document: a request is a DOM event, which the plugin takes while it is
 * dispatched. So it is known at once whether anybody is there.
 */

import type { ContextItem, Mode } from "./protocol";

const REQUEST = "whisperer:notebook";
const READY = "whisperer:notebook-ready";

export interface NotebookRequests {
  /**
   * This chat shows the session: what its agents put in goes below it. Answered when its tools are carried out, with what
   * the notebook is called (`frontEnd` of `sendUserMessage`).
   */
  join: { params: { sessionId: string; kernelId: string | null }; result: string };
  /** Put code into a new cell below the chat. Answered with what was done, in words. */
  insert: { params: { source: string; language: string; agent: string }; result: string };
  /** Replace the source of the cell that the person was last in. Answered likewise. */
  replace: { params: { source: string }; result: string };
  /** What using code would do, in words; the cell in question is marked until `does` is `null`. */
  point: { params: { does: "insert" | "replace" | null }; result: string };
  /** Bring a plan's cell up to date, unless the person has changed it. */
  tick: { params: { planId: string; checklist: string }; result: Ticked };
  /** Go to the cell of a plan or a report. */
  show: { params: { planId: string } | { reportId: string }; result: null };
  /** Whether the notebook has a cell of this plan. */
  has: { params: { planId: string }; result: boolean };
  /** These cells as they are now; what is not there is left out. */
  read: { params: { cellIds: readonly string[] }; result: CellText[] };
  /** What the person may want to show to an agent. */
  look: { params: Record<string, never>; result: Surroundings };
  /** What the person has chosen in JupyterLab's settings. */
  preferences: { params: Record<string, never>; result: Preferences };
  /** What a cell is called now. */
  name: { params: { cellId: string }; result: string };
}

/** Whether the plan's cell is up to date, the person's own by now, or not there. */
export type Ticked = "ticked" | "edited" | "gone";

export interface CellText {
  id: string;
  /** From 1, as they stand. */
  number: number;
  type: string;
  source: string;
}

type Does = keyof NotebookRequests;

/** Something that can be attached to a message, with the words by which it is offered. */
export interface Offer {
  label: string;
  /** What it is called within a sentence. */
  name: string;
  item: ContextItem;
}

export interface Surroundings {
  /** Where the person is or was: the selection, the active cell, the last error. */
  near: Offer[];
  /** The other cells with something in them, in order. */
  cells: Offer[];
  /** The names in the kernel, as far as it can be asked. */
  variables: readonly string[];
}

export interface Preferences {
  /** In which a new session begins; `null`: the server's. */
  mode: Mode | null;
  /** Whether a copy of the conversation stands in the notebook. */
  transcript: boolean;
}

interface Asked<D extends Does = Does> {
  does: D;
  params: NotebookRequests[D]["params"];
  /** The chat that asks. */
  from: Element;
  take: (result: Promise<NotebookRequests[D]["result"]>) => void;
}

/** Asks the notebook around an element; `null` where nobody owns the cells of this page. */
export function askNotebook<D extends Does>(
  from: Element,
  does: D,
  params: NotebookRequests[D]["params"],
): Promise<NotebookRequests[D]["result"]> | null {
  let answer: Promise<NotebookRequests[D]["result"]> | null = null;
  const detail: Asked<D> = {
    does,
    params,
    from,
    take: (result) => {
      answer ??= result;
    },
  };
  document.dispatchEvent(new CustomEvent(REQUEST, { detail }));
  return answer;
}

/** `askNotebook` for those who know where they stand. */
export type AskNotebook = <D extends Does>(
  does: D,
  params: NotebookRequests[D]["params"],
) => Promise<NotebookRequests[D]["result"]> | null;

/** Calls back when somebody has begun to own the cells; returns how to stop that. */
export function onNotebookReady(listener: () => void): () => void {
  document.addEventListener(READY, listener);
  return () => {
    document.removeEventListener(READY, listener);
  };
}

export type Answers = {
  [D in Does]: (
    from: Element,
    params: NotebookRequests[D]["params"],
  ) => Promise<NotebookRequests[D]["result"]> | null;
};

/** Answers what chats in this page ask; an answer of `null` leaves the question to others. */
export function answerChats(answers: Answers): void {
  document.addEventListener(REQUEST, (event) => {
    const { does, params, from, take } = (event as CustomEvent<Asked>).detail;
    const answer = (answers[does] as (from: Element, params: unknown) => Promise<never> | null)(from, params);
    if (answer) take(answer);
  });
  document.dispatchEvent(new CustomEvent(READY));
}
