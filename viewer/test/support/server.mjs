// A web server for tests. It answers range requests, and can imitate the mistakes of real hosts.

import { EventEmitter, once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const PIECE = 1 << 16;
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

/**
 * Serves `files`, an object of paths and either bytes or `{ bytes, …behavior }`. Behavior is any of
 * `headers`, `status` (always this one), `ignoresRanges` and `wrongRange`. `gate(request)` may return
 * a promise; the request is answered when it resolves.
 *
 * Returns the list of `requests` so far, `until(condition)`, which waits for requests or responses
 * to make a condition true, the `origin`, and `close()`.
 */
export async function serve(files, { gate = () => undefined } = {}) {
  const requests = [];
  const events = new EventEmitter();
  /** Sends bytes no faster than the browser reads them, and counts them. */
  const send = async (response, sent, bytes) => {
    const closed = once(response, "close");
    for (let at = 0; at < bytes.length && !response.destroyed; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      if (!response.write(piece)) {
        await Promise.race([once(response, "drain"), closed]);
      }
      sent.bytes += piece.length;
    }
    response.end();
  };
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const { range } = request.headers;
    const sent = { method: request.method, path, range, bytes: 0, isOver: false, isAborted: false };
    requests.push(sent);
    response.on("close", () => {
      sent.isOver = true;
      sent.isAborted = !response.writableFinished;
      events.emit("change");
    });
    events.emit("change");
    await gate(sent);
    const file = files[path];
    if (file === undefined) {
      response.writeHead(404, { "Access-Control-Allow-Origin": "*" }).end();
      return;
    }
    const { bytes, ...behavior } = Buffer.isBuffer(file) ? { bytes: file } : file;
    const headers = {
      "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
      ...behavior.headers,
    };
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
    async until(condition) {
      while (!condition()) {
        await once(events, "change");
      }
    },
    close: () => new Promise((done) => server.close(done).closeAllConnections()),
  };
}

/** Returns all files in a folder, for `serve`. */
export function filesIn(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  return Object.fromEntries(names.map((name) => [`/${name}`, readFileSync(join(folder, name))]));
}
