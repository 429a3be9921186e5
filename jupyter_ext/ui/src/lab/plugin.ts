/** The plugins of JupyterLab and Notebook 7: whoever owns the cells, and what a person finds around the notebook. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { answerChats } from "../notebook";
import { findServer } from "../websocket";
import { addCommands } from "./commands";
import { offerMending } from "./failedCells";
import { Panels } from "./panels";
import { Settings } from "./settings";
import { SidePanel } from "./sidePanel";
import { addStyles } from "./styles";

const SIDE_RANK = 700;

const plugin: JupyterFrontEndPlugin<void> = {
  id: "whisperer:plugin",
  description: "Cells for the agents of Whisperer, their chat beside the notebook, and commands to ask them.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ISettingRegistry, ICommandPalette],
  activate: (app, tracker: INotebookTracker, registry: ISettingRegistry | null, palette: ICommandPalette | null) => {
    const server = findServer();
    if (!server) return;
    addStyles();
    const settings = new Settings();
    const panels = new Panels(tracker, server, settings);
    const ready = settings.load(registry);
    answer(panels, settings, ready);
    const side = new SidePanel(panels, tracker, settings);
    addCommands(app, tracker, panels, side, palette);
    offerMending(app, panels);
    void ready.then(() => {
      place(app, side, settings);
      settings.onChange(() => {
        place(app, side, settings);
      });
    });
  },
};

function answer(panels: Panels, settings: Settings, ready: Promise<void>): void {
  answerChats({
    join: (from, chat) => panels.around(from, chat.kernelId)?.answers.join(from, chat) ?? null,
    insert: (from, code) => panels.around(from)?.answers.insert(from, code) ?? null,
    replace: (from, code) => panels.around(from)?.answers.replace(from, code) ?? null,
    point: (from, use) => panels.around(from)?.answers.point(from, use) ?? null,
    tick: (from, plan) => panels.around(from)?.answers.tick(from, plan) ?? null,
    show: (from, made) => panels.around(from)?.answers.show(from, made) ?? null,
    has: (from, made) => panels.around(from)?.answers.has(from, made) ?? null,
    read: (from, cells) => panels.around(from)?.answers.read(from, cells) ?? null,
    look: (from, nothing) => panels.around(from)?.answers.look(from, nothing) ?? null,
    name: (from, cell) => panels.around(from)?.answers.name(from, cell) ?? null,
    preferences: () => ready.then(() => settings.preferences),
  });
}

function place(app: JupyterFrontEnd, side: SidePanel, settings: Settings): void {
  side.parent = null;
  if (settings.side !== "off") app.shell.add(side, settings.side, { rank: SIDE_RANK });
}

export default plugin;
