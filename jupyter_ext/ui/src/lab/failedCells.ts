/** A button under every cell that has failed. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Cell, ICodeCellModel } from "@jupyterlab/cells";
import { button } from "../view/dom";
import { outputsOf } from "./cells";
import { FIX } from "./commands";
import { hasFailed } from "./outputs";
import type { Panel, Panels } from "./panels";

const CLASS = "whisperer-fix";

export function offerMending(app: JupyterFrontEnd, panels: Panels): void {
  panels.forEach((panel) => void watch(app, panel));
}

async function watch(app: JupyterFrontEnd, panel: Panel): Promise<void> {
  const known = new WeakSet<Cell>();
  const look = () => {
    for (const cell of panel.cells.all) {
      if (known.has(cell) || cell.model.type !== "code") continue;
      known.add(cell);
      const show = () => {
        showButton(app, cell);
      };
      (cell.model as ICodeCellModel).outputs.changed.connect(show);
      // Cells out of sight get their parts later.
      void cell.ready.then(show);
    }
  };
  await panel.widget.context.ready;
  panel.widget.content.model?.cells.changed.connect(look);
  look();
}

function showButton(app: JupyterFrontEnd, cell: Cell): void {
  if (cell.isDisposed) return;
  const shown = cell.node.querySelector(`.${CLASS}`);
  if (!hasFailed(outputsOf(cell))) shown?.remove();
  else if (!shown)
    cell.node.querySelector(".jp-Cell-outputWrapper")?.after(
      button(CLASS, "Fix this error", () => void app.commands.execute(FIX, { cellId: cell.model.id }), "Fix this error"),
    );
}
