// Prints the path of the slide that comes with the crate openslide-rs, given `cargo metadata` on stdin.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const { packages } = JSON.parse(readFileSync(0, "utf8"));
const { manifest_path } = packages.find(({ name }) => name === "openslide-rs");
console.log(join(dirname(manifest_path), "tests", "assets", "default.svs"));
