// Just enough PNG for the tests: writes the tiles of a made-up slide and reads
// the browser's screenshots, eight bits a channel, without another dependency.

import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A PNG of width x height pixels; pixelAt(x, y) gives [red, green, blue]. */
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

/** { width, height, pixels, pixel(x, y) } of a PNG in plain RGB or RGBA. */
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
    throw new Error("a kind of PNG that the tests do not read");
  }
  const pixels = unfilter(inflateSync(Buffer.concat(packed)), width * channels, height, channels);
  return {
    width,
    height,
    pixels,
    pixel(x, y) {
      const at = (y * width + x) * channels;
      return [pixels[at], pixels[at + 1], pixels[at + 2]];
    },
  };
}

function unfilter(rows, stride, height, step) {
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = rows[y * (stride + 1)];
    for (let i = 0; i < stride; i += 1) {
      const at = y * stride + i;
      const left = i >= step ? pixels[at - step] : 0;
      const up = y > 0 ? pixels[at - stride] : 0;
      const corner = i >= step && y > 0 ? pixels[at - stride - step] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      pixels[at] = rows[y * (stride + 1) + 1 + i] + guess;
    }
  }
  return pixels;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [left, up, corner].map((value) => Math.abs(guess - value));
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

/** The checksum of PNG and zip. */
export function crc32(data) {
  let value = 0xffffffff;
  for (const byte of data) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
    }
  }
  return (value ^ 0xffffffff) >>> 0;
}
