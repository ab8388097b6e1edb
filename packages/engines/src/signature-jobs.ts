import type { PublicKey, SignatureJob } from "@meterseal/core";
import type { Sign1 } from "@meterseal/record";

/** Checks signatures away from the main thread: one verdict each, in order. */
export type VerifySignatures = (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;

/** The check that a message asks for under a key. */
export function jobOf(message: Sign1, key: PublicKey): SignatureJob {
    const { algorithm, signature, toBeSigned } = message;
    return { key, algorithm, message: toBeSigned, signature };
}
