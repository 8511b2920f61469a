// Builds dist/: the templates of the slide page and the gallery page, one script, one style sheet,
// and the licenses of all bundled code. The script is a classic one, since browsers do not load
// module scripts from disk. Builds are reproducible: the output depends only on the sources and the
// lock file.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

const { outputFiles, metafile } = await build({
  absWorkingDir: here,
  entryPoints: { viewer: "src/main.ts", style: "src/style.css" },
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  platform: "browser",
  target: ["es2020", "chrome100", "firefox100", "safari15"],
  legalComments: "none",
  banner: {
    js: "/* slidezoom viewer with OpenSeadragon; licenses: LICENSES.txt */",
  },
  metafile: true,
  write: false,
});

const template = await readFile(join(here, "src/index.html"), "utf8");
if (template.split("{{title}}").length !== 2) {
  throw new Error("src/index.html must hold {{title}} exactly once");
}

// The gallery page differs only in the paths of its scripts.
const gallery = template
  .replace('src="slide.js"', 'src="gallery/gallery.js"')
  .replaceAll('"viewer/', '"gallery/');

const files = {
  "index.html": template,
  "gallery.html": gallery,
  "viewer.js": outputText(".js"),
  "viewer.css": outputText(".css"),
  "LICENSES.txt": await licenses(bundledPackages(metafile)),
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  await writeFile(join(dist, name), text);
}

function outputText(extension) {
  const found = outputFiles.filter((file) => file.path.endsWith(extension));
  if (found.length !== 1) {
    throw new Error(`expected one ${extension} file from the bundler, got ${found.length}`);
  }
  return found[0].text;
}

/** Returns the sorted names of all bundled packages. */
function bundledPackages({ inputs }) {
  const names = Object.keys(inputs)
    .map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].sort();
}

/** Returns the license of each package, and the notices in its bundled sources. */
async function licenses(packages) {
  const parts = ["slidezoom's page holds code of the projects below, under their licenses.\n"];
  for (const name of packages) {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).sort().find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
    if (file === undefined) {
      throw new Error(`the bundled package ${name} has no license file`);
    }
    const license = normalized(await readFile(join(folder, file), "utf8"));
    parts.push(section(`${name} ${version}`), license);
    for (const notice of await foreignNotices(name)) {
      parts.push(section(`within ${name}`), notice);
    }
  }
  const text = parts.join("\n");
  if (!text.includes("SPDX-License-Identifier: Apache-2.0")) {
    return text;
  }
  const apache = normalized(await readFile(join(here, "licenses/Apache-2.0.txt"), "utf8"));
  return [text, section("Apache License 2.0, where named above"), apache].join("\n");
}

/** Returns comments in bundled files that name copyright holders other than the package's. */
async function foreignNotices(name) {
  const notices = new Set();
  const paths = Object.keys(metafile.inputs).filter((path) =>
    path.startsWith(`node_modules/${name}/`),
  );
  for (const path of paths.sort()) {
    const source = await readFile(join(here, path), "utf8");
    for (const [comment] of source.matchAll(/\/\*[\s\S]*?\*\//g)) {
      const text = normalized(comment.replace(/^\/\*+\s?|\*\/$/g, "").replace(/^ \* ?/gm, ""));
      const holders = [...text.matchAll(/^\s*Copyright.*$/gim)].map(([line]) => line);
      if (holders.some((line) => !/CodePlex Foundation|OpenSeadragon contributors/.test(line))) {
        notices.add(text);
      }
    }
  }
  return notices;
}

function normalized(text) {
  const unixLines = text.replace(/\r\n?/g, "\n");
  return `${unixLines.replace(/[ \t]+$/gm, "").trim()}\n`;
}

function section(title) {
  return `${"=".repeat(72)}\n${title}\n${"=".repeat(72)}\n`;
}
