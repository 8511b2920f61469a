// A web server for tests: files by range requests, and every way in which a host
// gets them wrong. A link of a given latency and rate can be put before it, which
// all answers share.

import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };
const PIECE = 4096;
const TIMER_LATENESS = 5;

/**
 * Serves `files`, by path: bytes, or `{ bytes, …behavior }`. Behavior is any of
 * `headers`, `status` (always this), `ignoresRanges` and `wrongRange`.
 *
 * `requests` grows with every one; `close` ends the server.
 */
export async function serve(files, { latency = 0, bitsPerSecond = Infinity } = {}) {
  const requests = [];
  let linkFree = 0;
  /** Sends as the link allows: each piece takes its time after the one before, of whatever answer. */
  const send = async (response, sent, bytes) => {
    const closed = once(response, "close");
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      // A timer that comes late does not make the link slower.
      const start = Math.max(linkFree, performance.now() - TIMER_LATENESS);
      linkFree = start + (piece.length * 8000) / bitsPerSecond;
      await until(linkFree);
      if (response.destroyed) {
        return;
      }
      if (!response.write(piece)) {
        // What the browser does not take is not sent either.
        await Promise.race([once(response, "drain"), closed]);
      }
      sent.bytes += piece.length;
    }
    response.end();
  };
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const { range } = request.headers;
    const sent = { method: request.method, path, range, bytes: 0, isAborted: false, at: performance.now() };
    requests.push(sent);
    response.on("close", () => (sent.isAborted = !response.writableFinished));
    await until(performance.now() + latency);
    const file = files[path];
    if (file === undefined) {
      response.writeHead(404, { "Access-Control-Allow-Origin": "*" }).end();
      return;
    }
    const { bytes, ...behavior } = Buffer.isBuffer(file) ? { bytes: file } : file;
    const headers = { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", ...behavior.headers };
    if (behavior.status !== undefined) {
      response.writeHead(behavior.status, headers).end();
      return;
    }
    const asked = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
    if (asked === null || behavior.ignoresRanges) {
      response.writeHead(200, { ...headers, "Content-Length": bytes.length });
      await send(response, sent, bytes);
      return;
    }
    const [start, last] = [Number(asked[1]), Math.min(Number(asked[2]), bytes.length - 1)];
    if (start >= bytes.length) {
      response.writeHead(416, headers).end();
      return;
    }
    const part = bytes.subarray(start, last + 1);
    const said = behavior.wrongRange ? start + 1 : start;
    response.writeHead(206, {
      ...headers,
      "Content-Length": part.length,
      "Content-Range": `bytes ${said}-${last}/${bytes.length}`,
    });
    await send(response, sent, part);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    requests,
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((done) => server.close(done).closeAllConnections()),
  };
}

/** All files in a folder, as `serve` wants them. */
export function filesIn(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(names.map((name) => [`/${name}`, readFileSync(join(folder, name))]));
}

async function until(time) {
  const wait = time - performance.now();
  if (wait > 0) {
    await new Promise((done) => setTimeout(done, wait));
  }
}
