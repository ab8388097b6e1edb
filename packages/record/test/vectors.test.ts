import { readFileSync, writeFileSync } from "node:fs";
import { concatBytes, fromHex, toHex } from "@meterseal/core";
import { signerFromSecret } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { decodeCoseKey, encodeCoseKey, kidOf } from "../src/cose-key.ts";
import { verifySign1 } from "../src/sign1.ts";
import { codeOf } from "./raw.ts";

import { fieldsOf, makeMessages, parse, RECORDED_BYTES, type Vectors } from "./vectors-messages.ts";
import { makeRefused } from "./vectors-refused.ts";

const FILE = new URL("../../../vectors/record/messages.json", import.meta.url);

async function makeVectors(): Promise<Vectors> {
    const made = await makeMessages();
    return { ...made, refused: await makeRefused(made.messages) };
}

if (process.env.METERSEAL_WRITE_VECTORS !== undefined) {
    writeFileSync(FILE, `${JSON.stringify(await makeVectors(), null, 1)}\n`);
}
const vectors: Vectors = JSON.parse(readFileSync(FILE, "utf8"));

describe("vectors/record/messages.json", () => {
    it.each(Object.entries(vectors.keys))(
        "has the key of %s",
        (_, { kind, secret, coseKey, kid }) => {
            const { publicKey } = signerFromSecret(kind, secret);
            expect(toHex(encodeCoseKey(publicKey))).toBe(coseKey);
            expect(decodeCoseKey(fromHex(coseKey))).toEqual(publicKey);
            expect(toHex(kidOf(publicKey))).toBe(kid);
        },
    );

    it.each(vectors.messages.map((vector) => [vector.name, vector] as const))(
        "has %s",
        (_, vector) => {
            const { fields, message } = fieldsOf(vector.kind, fromHex(vector.hex));
            expect(fields).toEqual(vector.fields);
            expect(message && toHex(message.hash)).toBe(vector.hash);
            if (message === null) return;
            const key = decodeCoseKey(fromHex(vectors.keys[vector.signer ?? ""]?.coseKey ?? ""));
            expect(verifySign1(message, key)).toBe(true);
        },
    );

    it("has at least 25 inputs that are refused", () => {
        expect(vectors.refused.length).toBeGreaterThanOrEqual(25);
    });

    it.each(vectors.refused.map((vector) => [vector.name, vector] as const))(
        "refuses: %s",
        (_, vector) => {
            const key =
                vector.key === undefined
                    ? undefined
                    : decodeCoseKey(fromHex(vectors.keys[vector.key]?.coseKey ?? ""));
            const result = parse(
                vector.kind,
                concatBytes(fromHex(vector.hex), new Uint8Array(vector.zeros ?? 0)),
                key,
            );
            expect(codeOf(result)).toBe(vector.kind === "signature" ? "ok" : vector.code);
        },
    );

    it("is what this program makes", async () => {
        const made = await makeVectors();
        const comparable = ({ keys, messages, refused }: Vectors) => ({
            keys,
            messages: messages.map((m) => {
                const recorded = RECORDED_BYTES[m.signer ?? ""] ?? 0;
                return { ...m, hex: m.hex.slice(0, m.hex.length - 2 * recorded) };
            }),
            refused: refused.map((r) =>
                r.key !== undefined && r.key in RECORDED_BYTES ? r.name : r,
            ),
        });
        expect(comparable(made)).toEqual(comparable(vectors));
    });
});
