import { expect } from "vitest";
import * as browser from "../src/crypto/browser.ts";
import * as node from "../src/crypto/node.ts";
import type { Algorithm, PublicKey } from "../src/ports.ts";

/** Verdict of both implementations and of the thread pool, which must be the same. */
export async function verdict(
    key: PublicKey,
    message: Uint8Array,
    signature: Uint8Array,
    algorithm: Algorithm = key.algorithm,
): Promise<boolean> {
    const verdicts = [
        node.verifySignature(key, algorithm, message, signature),
        browser.verifySignature(key, algorithm, message, signature),
        await node.verifySignatureInPool(key, algorithm, message, signature),
    ];
    expect(new Set(verdicts).size, `node, browser, pool: ${verdicts}`).toBe(1);
    return verdicts[0] as boolean;
}
