// Reads and writes PNG, enough for the tests: 8-bit RGB and RGBA, not interlaced.

import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Returns an RGB PNG; `pixelAt(x, y)` returns [red, green, blue]. */
export function writePng(width, height, pixelAt) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  let position = 0;
  for (let y = 0; y < height; y += 1) {
    rows[position++] = 0;
    for (let x = 0; x < width; x += 1) {
      for (const channel of pixelAt(x, y)) {
        rows[position++] = channel;
      }
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Decodes a PNG. `pixel(x, y)` returns [red, green, blue]. */
export function readPng(data) {
  if (!data.subarray(0, 8).equals(SIGNATURE)) {
    throw new Error("not a PNG");
  }
  const packed = [];
  let header;
  for (let offset = 8; offset < data.length; ) {
    const length = data.readUInt32BE(offset);
    const name = data.toString("latin1", offset + 4, offset + 8);
    const body = data.subarray(offset + 8, offset + 8 + length);
    if (name === "IHDR") {
      header = body;
    } else if (name === "IDAT") {
      packed.push(body);
    }
    offset += length + 12;
  }
  const width = header.readUInt32BE(0);
  const height = header.readUInt32BE(4);
  const channels = { 2: 3, 6: 4 }[header[9]];
  if (header[8] !== 8 || channels === undefined || header[12] !== 0) {
    throw new Error("unsupported kind of PNG");
  }
  const pixels = unfilter(inflateSync(Buffer.concat(packed)), width * channels, height, channels);
  return {
    width,
    height,
    channels,
    pixels,
    pixel(x, y) {
      const at = (y * width + x) * channels;
      return [pixels[at], pixels[at + 1], pixels[at + 2]];
    },
  };
}

/** Returns the largest difference of a channel of the same pixel in two images. */
export function difference(one, other, x, y) {
  const at = (y * one.width + x) * one.channels;
  const otherAt = (y * other.width + x) * other.channels;
  return Math.max(
    Math.abs(one.pixels[at] - other.pixels[otherAt]),
    Math.abs(one.pixels[at + 1] - other.pixels[otherAt + 1]),
    Math.abs(one.pixels[at + 2] - other.pixels[otherAt + 2]),
  );
}

/** Reverses the filters of all rows. */
function unfilter(rows, stride, height, step) {
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const from = y * (stride + 1) + 1;
    const to = y * stride;
    const filter = rows[from - 1];
    for (let i = 0; i < stride; i += 1) {
      const left = i >= step ? pixels[to + i - step] : 0;
      const up = y > 0 ? pixels[to + i - stride] : 0;
      let predicted = 0;
      if (filter === 1) {
        predicted = left;
      } else if (filter === 2) {
        predicted = up;
      } else if (filter === 3) {
        predicted = (left + up) >> 1;
      } else if (filter === 4) {
        predicted = paeth(left, up, i >= step && y > 0 ? pixels[to + i - stride - step] : 0);
      }
      pixels[to + i] = rows[from + i] + predicted;
    }
  }
  return pixels;
}

function paeth(left, up, corner) {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) {
    return left;
  }
  return toUp <= toCorner ? up : corner;
}

function chunk(name, body) {
  const named = Buffer.concat([Buffer.from(name, "latin1"), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return value;
});

/** Returns the CRC-32 of PNG and zip. */
export function crc32(data) {
  let value = 0xffffffff;
  for (let at = 0; at < data.length; at += 1) {
    value = CRC_TABLE[(value ^ data[at]) & 255] ^ (value >>> 8);
  }
  return (value ^ 0xffffffff) >>> 0;
}
