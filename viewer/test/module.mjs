// Loads a module of the page into Node, so that its pure parts can be tested
// without a browser.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const source = join(dirname(fileURLToPath(import.meta.url)), "../src");

/** A module of the page, translated for Node. */
export async function load(name) {
  const { outputFiles } = await build({
    entryPoints: [join(source, name)],
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}
