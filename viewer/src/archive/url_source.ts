// An archive on a web server, read by HTTP range requests. Only responses with status 206 for
// exactly the requested range, of a file of unchanged length, are accepted. Other responses are
// canceled.

import { ArchiveError } from "./errors";
import { type ByteSource, checkRange, stopIfAborted } from "./source";

/**
 * Opens an archive by a request for its first byte, which returns the archive's length.
 *
 * @throws {ArchiveError} if the host is unreachable or does not support range requests
 */
export async function urlSource(url: URL, page: URL): Promise<ByteSource> {
  checkAddress(url, page);
  // A suffix range would need a CORS preflight, and some hosts do not support it.
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
        throw new ArchiveError(
          "it has changed on its host since this page opened it. Reload the page.",
        );
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
    throw new ArchiveError(
      "its address is none of the web. It has to begin with https:// or http://.",
    );
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
  // Cancels the rest of a rejected response.
  const stop = new AbortController();
  const forward = (): void => stop.abort();
  stopIfAborted(signal);
  signal?.addEventListener("abort", forward);
  try {
    const response = await fetch(url.href, {
      headers: { Range: `bytes=${start}-${end - 1}` },
      // Chromium's cache serializes requests for the same URL.
      cache: "no-store",
      signal: stop.signal,
    });
    const total = checkedTotal(response, url.origin === page.origin, start, end);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length !== end - start) {
      throw new ArchiveError(
        "its host sends another number of bytes than it announces. It must not compress ranges.",
      );
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

/** Validates a response and returns the length of the whole archive. */
function checkedTotal(response: Response, sameOrigin: boolean, start: number, end: number): number {
  const { status } = response;
  if (status === 200) {
    throw new ArchiveError(
      "its host sends the whole file where a part was asked for. Put it on a host that answers HTTP range requests.",
    );
  }
  if (status === 404 || status === 410) {
    throw new ArchiveError(
      `there is nothing at its address (the host answered ${status}). Check the address.`,
    );
  }
  if (status === 401 || status === 403) {
    throw new ArchiveError(
      `its host does not give it out (it answered ${status}). Check who may read it there.`,
    );
  }
  if (status === 416) {
    throw new ArchiveError(
      "its host says that it is empty, or shorter than it was. Check the file there.",
    );
  }
  if (status !== 206) {
    throw new ArchiveError(
      `its host answered ${status}, where 206 is right. Try again later, or check the host.`,
    );
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
  if (
    first !== start ||
    last !== end - 1 ||
    total === undefined ||
    total < end ||
    !Number.isSafeInteger(total)
  ) {
    throw new ArchiveError(
      "its host does not say, or says wrongly, which part it sends. Put it on a host that answers HTTP range requests.",
    );
  }
  return total;
}

function unreachable(url: URL, page: URL): ArchiveError {
  // Browsers hide the reason of failed cross-origin requests.
  return new ArchiveError(
    url.origin === page.origin
      ? "its host did not answer. Check the connection and try again."
      : `${url.host} did not answer, or does not let this page read it. Check the address; the host has to send the ` +
          `headers Access-Control-Allow-Origin: ${page.protocol === "file:" ? "*" : page.origin} and ` +
          "Access-Control-Expose-Headers: Content-Range.",
  );
}
