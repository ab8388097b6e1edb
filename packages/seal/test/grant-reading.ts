import { openHpke, type Result, toHex, unwrap } from "@meterseal/core";
import { verifySign1 } from "@meterseal/record";
import { GRANT_INFO } from "../src/grant/message.ts";
import { parseGrant } from "../src/index.ts";

// What the frozen vectors of grants mean, without files: so that a browser reads them, too.

export type GrantVector = {
    readonly name: string;
    readonly hex: string;
    readonly hash: string;
    /** The terms; bytes in hexadecimal. */
    readonly terms: unknown;
    /** The opened body in hexadecimal. */
    readonly body: string;
};
export type RefusedGrant = { readonly name: string; readonly hex: string; readonly code: string };
/** A body that does not fit the terms of a grant of the file. */
export type RefusedBody = Omit<RefusedGrant, "hex"> & {
    readonly of: string;
    readonly body: string;
};
export type GrantVectors = {
    readonly about: readonly string[];
    readonly recipients: readonly { suite: number; privateKey: string; publicKey: string }[];
    readonly household: { x: string; y: string };
    readonly grants: readonly GrantVector[];
    readonly refused: readonly RefusedGrant[];
    readonly refusedBodies: readonly RefusedBody[];
};

/** A value as JSON has it; bytes in hexadecimal. */
export const jsonOf = (value: unknown): unknown =>
    JSON.parse(
        JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? toHex(part) : part)),
    );

/** Adds what the file does not have yet: what is frozen stays byte for byte. */
/** What a vector comes to when it is read. */
export async function readVector(vector: GrantVector, file: GrantVectors): Promise<unknown> {
    const grant = unwrap(parseGrant(Uint8Array.fromHex(vector.hex)));
    const found = file.recipients.find(({ suite }) => suite === grant.hpkeSuite);
    const pair = {
        suite: grant.hpkeSuite,
        privateKey: Uint8Array.fromHex(found?.privateKey ?? ""),
        publicKey: Uint8Array.fromHex(found?.publicKey ?? ""),
    };
    const [x, y] = [Uint8Array.fromHex(file.household.x), Uint8Array.fromHex(file.household.y)];
    const body: Result<Uint8Array> = await openHpke(
        pair,
        { info: GRANT_INFO, aad: grant.aad },
        grant,
    );
    const { aad, ciphertext, enc, message, ...terms } = grant;
    return {
        name: vector.name,
        hex: toHex(message.bytes),
        hash: toHex(message.hash),
        terms: jsonOf(terms),
        body: toHex(unwrap(body)),
        isSigned: verifySign1(message, { algorithm: -7, x, y }),
        isSealed: enc.length > 0 && ciphertext.length > 0 && aad.length > 0,
    };
}
