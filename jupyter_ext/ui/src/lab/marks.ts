/** What agents leave in the metadata of the cells they put in: whose they are, and whether a person has changed them. */

import type { Cell } from "@jupyterlab/cells";

export interface NewCell {
  type: "code" | "markdown" | "raw";
  source: string;
  kind: string;
  /** Whose cell it is. */
  planId?: string | undefined;
  stepId?: string | undefined;
  reportId?: string | undefined;
  /** What a cell of tests tests. */
  testsOf?: string | undefined;
}

/** Where cells come from, kept in their metadata. */
export interface Origin {
  agent: string;
  /** One insertion: cells that carry it are not put in a second time. */
  requestId: string;
}

/** What is kept in a cell's metadata. */
export interface Mark extends Origin, Omit<NewCell, "type" | "source"> {
  /** Of a cell that may be renewed: the fingerprint of its source as it was written. Another source is the person's. */
  written?: string;
}

/** Kinds of cells that are renewed as long as the person leaves them alone. */
const RENEWED = new Set(["plan", "test"]);

export function dressed({ type, source, kind, planId, stepId, reportId, testsOf }: NewCell, { agent, requestId }: Origin) {
  const whisperer: Mark = {
    agent,
    kind,
    requestId,
    ...(planId && { planId }),
    ...(stepId && { stepId }),
    ...(reportId && { reportId }),
    ...(testsOf && { testsOf }),
    ...(RENEWED.has(kind) && { written: fingerprint(source) }),
  };
  const metadata = { whisperer: { ...whisperer }, tags: ["whisperer"] };
  // Like a new cell of the person's own: it has no outputs that somebody else could have put into it.
  return { cell_type: type, source, metadata: type === "code" ? { ...metadata, trusted: true } : metadata };
}

export function markOf(cell: Cell): Partial<Mark> | null {
  const mark: unknown = cell.model.getMetadata("whisperer");
  return typeof mark === "object" && mark !== null ? mark : null;
}

/** Whether nobody has changed it since it was written. */
export function isUntouched(cell: Cell): boolean {
  return markOf(cell)?.written === fingerprint(cell.model.sharedModel.getSource());
}

/** FNV-1a over the text's characters: enough to see that somebody has typed. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16);
}
