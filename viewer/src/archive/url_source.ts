// An archive on a web server, read by HTTP range requests.
//
// What always holds: only an answer of status 206 that names the very range
// asked for, of a file of the length seen first, is taken for the archive's
// bytes. A host that sends the whole file instead is stopped before it does.

import { ArchiveError } from "./errors";
import { type ByteSource, checkRange, stopIfAborted } from "./source";

/** Asks the host for one byte, which tells the archive's length and whether ranges can be had. */
export async function urlSource(url: URL, page: URL): Promise<ByteSource> {
  checkAddress(url, page);
  // Not the last bytes at once: browsers ask the host's permission first for
  // such a range on another origin, and some hosts do not know it at all.
  const first = await request(url, page, 0, 1, undefined);
  const length = first.total;
  return {
    length,
    async read(start, end, signal) {
      checkRange(start, end, length);
      if (start === end) {
        return new Uint8Array(0);
      }
      const { bytes, total } = await request(url, page, start, end, signal);
      if (total !== length) {
        throw new ArchiveError("it has changed on its host since this page opened it. Reload the page.");
      }
      return bytes;
    },
  };
}

function checkAddress(url: URL, page: URL): void {
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  if (!isWeb && page.protocol === "file:" && url.protocol === "file:") {
    throw new ArchiveError(
      "this page was opened from a disk, and there browsers let no page read a file by its address. " +
        "Choose the file with “Open an archive…”, or open the page from a web server.",
    );
  }
  if (!isWeb) {
    throw new ArchiveError("its address is none of the web. It has to begin with https:// or http://.");
  }
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (page.protocol === "https:" && url.protocol === "http:" && !isLocal) {
    throw new ArchiveError("this page came by https://, and then its archive has to as well.");
  }
}

async function request(
  url: URL,
  page: URL,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array; total: number }> {
  // An answer that is no good must not go on arriving.
  const stop = new AbortController();
  const forward = (): void => stop.abort();
  stopIfAborted(signal);
  signal?.addEventListener("abort", forward);
  try {
    const response = await fetch(url.href, {
      headers: { Range: `bytes=${start}-${end - 1}` },
      // Chromium's cache lets requests for one address wait for each other.
      cache: "no-store",
      signal: stop.signal,
    });
    const total = checkedTotal(response, url.origin === page.origin, start, end);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length !== end - start) {
      throw new ArchiveError("its host sends another number of bytes than it announces. It must not compress ranges.");
    }
    return { bytes, total };
  } catch (error) {
    stop.abort();
    stopIfAborted(signal);
    throw error instanceof ArchiveError ? error : unreachable(url, page);
  } finally {
    signal?.removeEventListener("abort", forward);
  }
}

/** The length of the whole archive, by an answer that is right in every other respect. */
function checkedTotal(response: Response, sameOrigin: boolean, start: number, end: number): number {
  const { status } = response;
  if (status === 200) {
    throw new ArchiveError(
      "its host sends the whole file where a part was asked for. Put it on a host that answers HTTP range requests.",
    );
  }
  if (status === 404 || status === 410) {
    throw new ArchiveError(`there is nothing at its address (the host answered ${status}). Check the address.`);
  }
  if (status === 401 || status === 403) {
    throw new ArchiveError(`its host does not give it out (it answered ${status}). Check who may read it there.`);
  }
  if (status === 416) {
    throw new ArchiveError("its host says that it is empty, or shorter than it was. Check the file there.");
  }
  if (status !== 206) {
    throw new ArchiveError(`its host answered ${status}, where 206 is right. Try again later, or check the host.`);
  }
  const header = response.headers.get("Content-Range");
  if (header === null && !sameOrigin) {
    throw new ArchiveError(
      "its host does not let this page see which part it sends. " +
        "It has to send the header Access-Control-Expose-Headers: Content-Range as well.",
    );
  }
  const range = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(header ?? "");
  const [first, last, total] = (range ?? []).slice(1).map(Number);
  if (first !== start || last !== end - 1 || total === undefined || total < end || !Number.isSafeInteger(total)) {
    throw new ArchiveError(
      "its host does not say, or says wrongly, which part it sends. Put it on a host that answers HTTP range requests.",
    );
  }
  return total;
}

function unreachable(url: URL, page: URL): ArchiveError {
  // Browsers do not tell a page why a request to another origin failed.
  return new ArchiveError(
    url.origin === page.origin
      ? "its host did not answer. Check the connection and try again."
      : `${url.host} did not answer, or does not let this page read it. Check the address; the host has to send the ` +
          `headers Access-Control-Allow-Origin: ${page.protocol === "file:" ? "*" : page.origin} and ` +
          "Access-Control-Expose-Headers: Content-Range.",
  );
}
