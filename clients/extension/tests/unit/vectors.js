// The vectors that the tests of both sides read.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const VECTORS = JSON.parse(readFileSync(join(import.meta.dirname, "../../../../tests/vectors/native_messaging.json"), "utf8"));
