import assert from "node:assert/strict";
import { test } from "node:test";
import type { PermissionRequest } from "../src/protocol";
import { question, sessionTerms, toolTitle } from "../src/toolWords";

function asking(toolName: string, given: Record<string, unknown>, bound?: Record<string, unknown>): PermissionRequest {
  const request = { messageId: "m", requestId: "r", toolCallId: "t", agent: "alice", toolName, arguments: given };
  return bound ? { ...request, bound } : request;
}

const cells = [{ type: "code", source: "1" }, { type: "markdown", source: "a" }];

test("what is asked is said in words", () => {
  assert.equal(question(asking("insert_cells", { cells }), "Alice"), "Alice wants to insert 2 cells below the chat");
  assert.equal(
    question(asking("insert_cells", { cells: cells.slice(1), after: "x", run: true }), "Alice"),
    "Alice wants to insert a cell into the notebook and run it",
  );
  assert.equal(
    question(asking("insert_cells", { cells: cells.slice(1), below_definition_of: "f" }), "Tessa"),
    "Tessa wants to insert a cell below the cell that defines f",
  );
  assert.equal(question(asking("set_lamp", { on: true }), "Alice"), "Alice wants to use set_lamp");
});

test("whatever a model wrote as an argument, there is a title of one short line", () => {
  assert.equal(toolTitle("read_file", { path: "a\nb" }), "Read the file a b");
  assert.equal(toolTitle("source_of", { name: ["f"] }), 'Read the source of ["f"]');
  assert.equal(toolTitle("run_cells", {}), "Run cells");
  assert.equal(toolTitle("inspect_variable", {}), "Look into …");
  assert.equal(toolTitle("make_plan", { title: "Sales" }), "Make the plan “Sales”");
  for (const title of ["", " \n", null, undefined]) assert.equal(toolTitle("make_plan", { title }), "Make a plan");
  assert.equal(toolTitle("make_tests", { target: "" }), "Test …");
  assert.equal(toolTitle("list_files", { path: "" }), "List the files");
  assert.ok(toolTitle("make_plan", { title: "x".repeat(1_000) }).length < 100);
});

test("the terms tell what a yes for the session would permit", () => {
  const terms = (request: PermissionRequest) => sessionTerms(request, "Alice");
  assert.match(terms(asking("insert_cells", { cells }, { run: null })), /may from then on insert cells without asking; running still asks\.$/);
  assert.match(terms(asking("insert_cells", { cells, run: true }, { cells, run: true })), /exactly the same/);
  assert.match(terms(asking("run_tests", { target: "f", tests: "…" }, { target: "f" })), /run other tests of f/);
  assert.match(terms(asking("set_lamp", { on: true }, { on: true })), /exactly the same/);
  const run = asking("run_cells", { cell_ids: ["c"] }, { cell_ids: ["c"] });
  assert.match(terms({ ...run, once: true }), /asked each time/);
});
