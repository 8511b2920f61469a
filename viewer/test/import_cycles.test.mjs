// The import graph of the page's sources. `model/` has types only and imports nothing else.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const source = join(dirname(fileURLToPath(import.meta.url)), "../src");
const modules = readdirSync(source, { recursive: true }).filter((name) => name.endsWith(".ts"));
const imports = new Map(modules.map((name) => [name, importsOf(name)]));

test("no module imports itself, directly or through others", () => {
  assert.ok([...imports.values()].flat().length > 100, "imports were not recognized");
  assert.deepEqual(findCycle(imports), []);
});

test("the model imports only the model", () => {
  const model = modules.filter((name) => name.startsWith("model"));
  assert.ok(model.length > 0);
  for (const name of model) {
    const outside = imports.get(name).filter((imported) => !imported.startsWith("model"));
    assert.deepEqual(outside, [], name);
  }
});

test("finds a cycle", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", []],
    ["d", ["b"]],
  ]);
  assert.deepEqual(findCycle(graph), ["b", "d", "b"]);
});

/** Returns the modules that a module imports, types included. */
function importsOf(name) {
  const text = readFileSync(join(source, name), "utf8");
  return [...text.matchAll(/\bfrom "(\.[^"]+)"/g)].map(([, path]) =>
    relative(source, join(source, dirname(name), `${path}.ts`)),
  );
}

/** Returns a cycle, its first module repeated at the end, or an empty list. */
function findCycle(graph) {
  const done = new Set();
  const visit = (name, path) => {
    if (path.includes(name)) {
      return [...path.slice(path.indexOf(name)), name];
    }
    if (done.has(name)) {
      return [];
    }
    done.add(name);
    return (
      (graph.get(name) ?? [])
        .map((next) => visit(next, [...path, name]))
        .find((cycle) => cycle.length > 0) ?? []
    );
  };
  return [...graph.keys()].map((name) => visit(name, [])).find((cycle) => cycle.length > 0) ?? [];
}
