import type { Signer } from "@meterseal/core";
import { type SeededRandom, seededRandom } from "@meterseal/testkit/random";
import { bytesOf, type FuzzInput } from "./target.ts";

/** A key whose signatures are nothing: for what is read with checks of signatures turned off. */
export function idle(signer: Signer): Signer {
    const signature = new Uint8Array(64).fill(0x11);
    return { publicKey: signer.publicKey, sign: () => Promise.resolve(signature) };
}

/** Inputs that the rules see are made while they are taken: `make` only says how. */
export const recipe = (random: SeededRandom): Uint8Array => random.bytes(4);
/** The randomness that an input stands for. */
export const follow = (input: FuzzInput): SeededRandom => {
    const { buffer, byteOffset } = bytesOf(input);
    return seededRandom(new DataView(buffer, byteOffset).getUint32(0));
};
