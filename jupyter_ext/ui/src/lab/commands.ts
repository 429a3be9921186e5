/** What can be asked with a command: of the palette, a menu, a shortcut or a button. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Notification, type ICommandPalette } from "@jupyterlab/apputils";
import type { Cell } from "@jupyterlab/cells";
import type { INotebookTracker } from "@jupyterlab/notebook";
import { outputsOf } from "./cells";
import type { LabChat } from "./labChat";
import { hasFailed } from "./outputs";
import type { Panel, Panels } from "./panels";
import { icon, type SidePanel } from "./sidePanel";
import { definitionIn, failureOf, offerOf } from "./surroundings";

export const FIX = "whisperer:fix-error";

/** Without it Jupyter keeps the words behind its bell. */
const SHOWN_MS = 10_000;

interface Asking {
  chat: LabChat;
  panel: Panel;
  cell: Cell;
}

interface Command {
  id: string;
  label: string;
  /** What can be done about a cell; throws where it cannot, with why. */
  about?: (asking: Asking) => void;
  /** What can be done without one. */
  alone?: (chat: LabChat) => void;
}

const COMMANDS: readonly Command[] = [
  { id: "whisperer:open", label: "Open Whisperer" },
  { id: "whisperer:ask-about-cell", label: "Ask About This Cell", about: ask },
  { id: "whisperer:explain-cell", label: "Explain This Cell", about: explain },
  { id: FIX, label: "Fix This Error", about: fix },
  { id: "whisperer:test-function", label: "Test This Function", about: test },
  {
    id: "whisperer:plan",
    label: "Plan with Patricia",
    alone: (chat) => {
      chat.begin("@patricia ");
    },
  },
];

export function addCommands(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  panels: Panels,
  side: SidePanel,
  palette: ICommandPalette | null,
): void {
  const execute = ({ about, alone }: Command, cellId: unknown): void => {
    try {
      open(app, side);
      const panel = panels.of(tracker.currentWidget);
      const chat = side.place?.chat;
      if (alone && chat) alone(chat);
      if (about) about({ chat: there(chat, "The notebook has no kernel."), panel: there(panel, "Open a notebook first."), cell: cellOf(panel, cellId) });
    } catch (error) {
      Notification.warning(error instanceof Error ? error.message : String(error), { autoClose: SHOWN_MS });
    }
  };
  for (const command of COMMANDS) {
    app.commands.addCommand(command.id, {
      label: command.label,
      caption: `${command.label}: Whisperer`,
      icon,
      isEnabled: () => command.id === "whisperer:open" || tracker.currentWidget !== null,
      execute: ({ cellId }) => {
        execute(command, cellId);
      },
    });
    palette?.addItem({ command: command.id, category: "Whisperer" });
  }
}

function open(app: JupyterFrontEnd, side: SidePanel): void {
  // Switched off in the settings it is still what was asked for now.
  if (!side.isAttached) app.shell.add(side, "right");
  app.shell.activateById(side.id);
}

function ask({ chat, panel, cell }: Asking): void {
  chat.attach(offerOf(cell, panel.cells.all));
}

function explain({ chat, panel, cell }: Asking): void {
  const { name, item } = offerOf(cell, panel.cells.all);
  chat.send(`Explain ${name}: what it does, and how.`, [item]);
}

function fix({ chat, panel, cell }: Asking): void {
  if (!hasFailed(outputsOf(cell))) throw new Error("This cell has not failed.");
  const { name } = offerOf(cell, panel.cells.all);
  const failure = { type: "selection", cellId: cell.model.id, text: failureOf(cell) } as const;
  chat.send(`@alice Fix the error in ${name}: say what was wrong, and replace the cell's code by code that works.`, [failure]);
}

function test({ chat, panel, cell }: Asking): void {
  const name = there(definitionIn(cell), "There is no function in this cell.");
  chat.send(`@tessa Test ${name}.`, [offerOf(cell, panel.cells.all).item]);
}

function cellOf(panel: Panel | null, cellId: unknown): Cell {
  const cell = typeof cellId === "string" ? panel?.cells.get(cellId) : panel?.person;
  return there(cell, "Click into a cell first.");
}

function there<T>(value: T | null | undefined, otherwise: string): T {
  if (value === null || value === undefined) throw new Error(otherwise);
  return value;
}
