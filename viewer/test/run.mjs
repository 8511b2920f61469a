// Runs test files side by side, all with one browser: `npm test`, or `node test/run.mjs FILE…`.
// A single file also runs by itself, with `node --test FILE`; it then starts its own browser.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { BROWSER_ENDPOINT, launchServer, noBrowser } from "./support/browser.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const named = process.argv.slice(2);
const all = readdirSync(folder).filter((name) => name.endsWith(".test.mjs"));
const files = named.length > 0 ? named : all.map((name) => join(folder, name));

const server = noBrowser ? undefined : await launchServer();
const env =
  server === undefined ? process.env : { ...process.env, [BROWSER_ENDPOINT]: server.wsEndpoint() };
const concurrency = `--test-concurrency=${availableParallelism()}`;
const tests = spawn(process.execPath, ["--test", concurrency, ...files], { env, stdio: "inherit" });
tests.on("exit", async (code) => {
  await server?.close();
  process.exitCode = code ?? 1;
});
