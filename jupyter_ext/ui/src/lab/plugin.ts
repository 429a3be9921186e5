/** The plugin of JupyterLab and Notebook 7: for every open notebook somebody who carries out the cell tools. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { answerChats } from "../notebook";
import { findServer, WebSocketTransport } from "../websocket";
import { Panel } from "./panel";

class Panels {
  readonly #panels = new Map<NotebookPanel, Panel>();

  constructor(tracker: INotebookTracker) {
    tracker.forEach((panel) => {
      this.#add(panel);
    });
    tracker.widgetAdded.connect((_, panel) => {
      this.#add(panel);
    });
  }

  /** The notebook that an element stands in; where it stands in none (a view of its own), the one with this kernel. */
  around(from: Element, kernelId: string | null = null): Panel | null {
    const panels = [...this.#panels.values()];
    return panels.find((panel) => panel.contains(from)) ?? panels.find((panel) => panel.runs(kernelId)) ?? null;
  }

  #add(widget: NotebookPanel): void {
    const server = findServer();
    if (!server || this.#panels.has(widget)) return;
    const panel = new Panel(widget, new WebSocketTransport({ ...server, client: "cells" }));
    this.#panels.set(widget, panel);
    widget.disposed.connect(() => {
      this.#panels.delete(widget);
      panel.close();
    });
  }
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: "whisperer:cells",
  description: "Carries out what the agents of Whisperer do with cells.",
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_app: JupyterFrontEnd, tracker: INotebookTracker) => {
    const panels = new Panels(tracker);
    answerChats({
      join: (from, { sessionId, kernelId }) => panels.around(from, kernelId)?.join(sessionId, from) ?? null,
      insert: (from, code) => panels.around(from)?.insert(from, code) ?? null,
      replace: (from, { source }) => panels.around(from)?.replace(source) ?? null,
      tick: (from, { planId, checklist }) => panels.around(from)?.tick(planId, checklist) ?? null,
      show: (from, made) => panels.around(from)?.show(made) ?? null,
      read: (from, { cellIds }) => panels.around(from)?.read(cellIds) ?? null,
      look: (from) => panels.around(from)?.look() ?? null,
    });
  },
};

export default plugin;
