import { randomBytes } from "node:crypto";
import type { Random } from "@meterseal/core";

/** Randomness of handshakes. */
export const handshakeRandom: Random = {
    bytes: (length) => new Uint8Array(randomBytes(length)),
};
