// All facts about the slide and its export, as rows of names and values. Unknown facts have no row.

import { grouped, rounded, scaleText, sizeText } from "./facts";
import type { Area } from "./model/pyramid";
import type { Slide, WrittenBy } from "./model/slide";

export type Row = readonly [name: string, value: string];

export function detailedFacts(slide: Slide): Row[] {
  const { width, height, tileSize, overlap, unreadable, source } = slide;
  const rows: (readonly [string, string | null])[] = [
    ["Size", sizeText(width, height)],
    ["Physical size", format(slide.mpp, ({ x, y }) => physicalSize(width * x, height * y))],
    ["Scale", format(slide.mpp, scaleText)],
    ["Objective", format(slide.objectivePower, (power) => `${rounded(power)}×`)],
    ["Levels", format(slide.levels, String)],
    ["Tiles", format(slide.tileCount, grouped)],
    ["Tile size", `${grouped(tileSize)}\u00a0px, overlap ${grouped(overlap)}\u00a0px`],
    ["Tile format", tileFormat(slide)],
    ["Background", `#${slide.background}`],
    ["Exported area", format(slide.area, areaText)],
    ["Unreadable regions", unreadable.length > 0 ? grouped(unreadable.length) : null],
    ["Source file", format(source?.file, String)],
    ["Source size", format(source?.bytes, (bytes) => `${grouped(bytes)} bytes`)],
    ["Source SHA-256", format(source?.sha256, String)],
    ["SHA-256 of the source’s first and last MiB", format(source?.fingerprint, String)],
    ["Written by", format(slide.writtenBy, programs)],
  ];
  return rows.filter((row): row is Row => row[1] !== null);
}

function format<T>(value: T | null | undefined, text: (value: T) => string): string | null {
  return value === null || value === undefined ? null : text(value);
}

function physicalSize(across: number, down: number): string {
  return `${rounded(across / 1000)} × ${rounded(down / 1000)}\u00a0mm`;
}

function areaText({ x, y, width, height }: Area): string {
  return `${sizeText(width, height)} from x\u00a0${grouped(x)}, y\u00a0${grouped(y)}`;
}

const FORMAT_NAMES = { jpeg: "JPEG", jpg: "JPEG", png: "PNG", webp: "WebP" } as const;

function tileFormat({
  format,
  quality,
  subsampling,
  coding,
  compression,
  baseTiles,
}: Slide): string {
  const parts = [
    FORMAT_NAMES[format],
    ...(compression === "lossless" ? [compression] : []),
    ...(quality === null ? [] : [`quality ${quality}`]),
    ...(subsampling === null ? [] : [chroma(subsampling)]),
    ...(coding === "progressive" ? [coding] : []),
    ...(baseTiles === "lossless" ? ["at full size the slide’s own data"] : []),
  ];
  return parts.join(", ");
}

function chroma(subsampling: NonNullable<Slide["subsampling"]>): string {
  return subsampling === "400" ? "gray" : `chroma ${[...subsampling].join(":")}`;
}

function programs({ slidezoom, openslide }: WrittenBy): string {
  return [`slidezoom ${slidezoom}`, ...(openslide ? [`OpenSlide ${openslide}`] : [])].join(", ");
}
