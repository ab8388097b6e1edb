/** Thread of a {@link import("./verifier-pool.ts").VerifierPool}: answers each buffer with its verdicts. */
import { Buffer } from "node:buffer";
import { parentPort } from "node:worker_threads";
import { assert } from "../errors.ts";
import type { PublicKey } from "../ports.ts";
import { unpackJobs, unpackKey, VERDICT, verdictsOf } from "./job-batch.ts";
import { verifySignature } from "./node.ts";

/** Keys kept with their OpenSSL form, about 2.5 kB each; when full it starts anew. */
const KEYS_MAX = 10_000;
const keys = new Map<string, PublicKey>();

function keyOf(bytes: Uint8Array): PublicKey {
    const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const known = keys.get(name);
    if (known !== undefined) return known;
    const key = unpackKey(bytes);
    if (keys.size >= KEYS_MAX) keys.clear();
    keys.set(name, key);
    return key;
}

const port = parentPort;
assert(port !== null, "runs as a worker thread");
port.on("message", (buffer: ArrayBuffer) => {
    const verdicts = verdictsOf(buffer);
    let key: PublicKey | null = null;
    let i = 0;
    for (const { algorithm, keyBytes, message, signature } of unpackJobs(buffer)) {
        if (keyBytes !== null) key = keyOf(keyBytes);
        assert(key !== null, "the first job brings its key");
        const valid = verifySignature(key, algorithm, message, signature);
        verdicts[i++] = valid ? VERDICT.valid : VERDICT.invalid;
    }
    port.postMessage(buffer, [buffer]);
});
