// Loads modules of the page into Node, to test them without a browser.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const source = join(dirname(fileURLToPath(import.meta.url)), "../../src");

/** Loads several modules as one bundle, so that they share their imports. */
export async function loadModules(...names) {
  const contents = names.map((name) => `export * from ${JSON.stringify(`./${name}`)};`).join("\n");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: source, loader: "ts" },
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
  );
}
