/** What tools do, in words for the person: on their cards, and where an agent asks leave. */

import type { PermissionRequest } from "./protocol";
import { visible } from "./shownCode";

type Given = Readonly<Record<string, unknown>>;

const LONGEST_NAME = 60;
/** What a call was to name and did not. */
const UNNAMED = "…";

/** Whatever a tool is called with was written by a model, and may be anything. */
const DOES: Readonly<Record<string, (given: Given) => string>> = {
  notebook_outline: () => "Look through the notebook's cells",
  read_cells: ({ cell_ids }) => `Read ${cellCount(cell_ids)}`,
  insert_cells: (given) =>
    `Insert ${cellCount(given["cells"])} ${placeOf(given)}${given["run"] ? ` and run ${countOf(given["cells"]) === 1 ? "it" : "them"}` : ""}`,
  place_of_tests: ({ target }) => `Look where tests of ${nameOf(target)} belong`,
  replace_cell: () => "Replace what is in a cell",
  run_cells: ({ cell_ids }) => `Run ${cellCount(cell_ids)}`,
  list_variables: () => "List the variables",
  inspect_variable: ({ name }) => `Look into ${nameOf(name)}`,
  source_of: ({ name }) => `Read the source of ${nameOf(name)}`,
  last_error: () => "Look at the last error",
  list_files: ({ path }) => (isNamed(path) && path !== "." ? `List the files in ${nameOf(path)}` : "List the files"),
  read_file: ({ path }) => `Read the file ${nameOf(path)}`,
  make_plan: ({ title }) => (isNamed(title) ? `Make the plan “${nameOf(title)}”` : "Make a plan"),
  make_tests: ({ target }) => `Test ${nameOf(target)}`,
  run_tests: ({ target }) => `Run tests of ${nameOf(target)} in a process of their own`,
  record_behaviour: ({ target }) => `Call ${nameOf(target)} in a process of its own, to record what it does`,
};

/** What a call does, as a title; of a tool that is not ours nothing but its name is known. */
export function toolTitle(toolName: string, given: Given): string {
  return DOES[toolName]?.(given) ?? toolName;
}

/** Whether the title says what is done, rather than repeat the tool's name. */
export function isKnown(toolName: string): boolean {
  return toolName in DOES;
}

/** What an agent asks leave for. */
export function question({ toolName, arguments: given }: PermissionRequest, agent: string): string {
  const does = DOES[toolName]?.(given);
  return does ? `${agent} wants to ${does.charAt(0).toLowerCase()}${does.slice(1)}` : `${agent} wants to use ${toolName}`;
}

/** What a yes for the session would permit beside this. */
export function sessionTerms({ toolName, arguments: given, bound, once }: PermissionRequest, agent: string): string {
  if (once) return "You are asked each time, as what is in a cell may have changed.";
  const words = SESSION[toolName]?.(given, bound ?? given);
  return `“Allow for this session”: ${agent} may from then on ${words ?? "do exactly the same again without asking"}.`;
}

const SESSION: Readonly<Record<string, (given: Given, bound: Given) => string | null>> = {
  insert_cells: (_, bound) => ("cells" in bound ? null : "insert cells without asking; running still asks"),
  replace_cell: (_, bound) => ("source" in bound ? null : "replace what is in this cell without asking"),
  run_tests: (given, bound) => ("tests" in bound ? null : `run other tests of ${nameOf(given["target"])} without asking`),
};

export function countOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function placeOf({ after, replacing, below_definition_of: name }: Given): string {
  if (after) return "into the notebook";
  if (replacing) return "in the place of an earlier one, which nobody has changed,";
  return name ? `below the cell that defines ${nameOf(name)}` : "below the chat";
}

/** A call whose arguments were not understood has none. */
function cellCount(list: unknown): string {
  const count = countOf(list);
  return count === 0 ? "cells" : count === 1 ? "a cell" : `${count} cells`;
}

function isNamed(value: unknown): boolean {
  return nameOf(value) !== UNNAMED;
}

function nameOf(value: unknown): string {
  if (value === undefined || value === null) return UNNAMED;
  const text = visible((typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ").trim());
  if (text === "") return UNNAMED;
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
}
