import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, toHex, unwrap } from "@meterseal/core";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import {
    createRecord,
    decodeCbor,
    decodeEvent,
    EVENT_KIND,
    EVENT_REASON,
    encodeCbor,
    encodeEvent,
    eventOf,
    parseRecord,
    RECORD_CLASS,
    type RegisterEvent,
} from "../src/index.ts";
import { codeOf } from "./raw.ts";

const FILE = new URL("../../../vectors/record/events.json", import.meta.url);

type EventVectors = {
    about: string[];
    events: { name: string; hex: string; event: unknown }[];
    refused: { name: string; hex: string; code: string }[];
};

const closing: RegisterEvent = {
    stream: testBytes("vector stream", 16),
    sealEpoch: 3,
    kind: EVENT_KIND.closing,
    reason: EVENT_REASON.exchange,
    atUnix: 1_357_003_512,
    index: 0,
    groups: [0, 1],
    values: { mode: "sealed", bytes: testBytes("vector final", 16) },
};
const opening: RegisterEvent = {
    ...closing,
    sealEpoch: 4,
    kind: EVENT_KIND.opening,
    atUnix: 1_357_004_400,
    values: { mode: "sealed", bytes: testBytes("vector initial", 16) },
    before: { sealEpoch: 3, closing: testBytes("vector closing", 32) },
};
const EVENTS: Record<string, RegisterEvent> = {
    "closing for an exchange": closing,
    "closing for a reset, in tenths of a Wh": {
        ...closing,
        reason: EVENT_REASON.reset,
        index: 2 ** 24 - 1,
        scale: -1,
    },
    "closing of an open stream": {
        ...closing,
        groups: [0, 15],
        values: { mode: "open", registers: [2n ** 63n - 1n, 0n, 7n] },
    },
    "opening behind a closing": opening,
    "closing with commitments": {
        ...closing,
        commitments: [testBytes("vector import", 32), testBytes("vector export", 32)],
    },
    "opening with a commitment to its import alone": {
        ...opening,
        commitments: [testBytes("vector import", 32)],
    },
    "opening behind a device that could sign nothing": { ...opening, before: { sealEpoch: 3 } },
    "opening with the final registers as read off": {
        ...opening,
        index: 2 ** 24 - 2,
        before: { sealEpoch: 0, stated: { mode: "sealed", bytes: testBytes("vector stated", 16) } },
    },
    "opening of an open stream, with the final register as read off": {
        ...opening,
        reason: EVENT_REASON.keyRotation,
        groups: [0],
        values: { mode: "open", registers: [0n] },
        before: { sealEpoch: 3, stated: { mode: "open", registers: [81_234n] } },
    },
};

/** An encoded event with one field changed; undefined takes it away. */
function changed(event: RegisterEvent, key: number, value: unknown): Uint8Array {
    const map = encodeEvent(event);
    if (value === undefined) map.delete(key);
    else map.set(key, value);
    return encodeCbor(map);
}

const stated = EVENTS["opening with the final registers as read off"] as RegisterEvent;
const REFUSED: Record<string, Uint8Array> = {
    "no map": encodeCbor([1, 2]),
    "no stream": changed(closing, 0, undefined),
    "a stream of 15 bytes": changed(closing, 0, new Uint8Array(15)),
    "kind 0": changed(closing, 2, 0),
    "kind 3": changed(closing, 2, 3),
    "an instant after 2399": changed(closing, 3, 13_569_465_600),
    "an index behind the last leaf": changed(closing, 4, 2 ** 24),
    "an index without room for the stated registers": changed(stated, 4, 2 ** 24 - 1),
    "groups out of order": changed(closing, 5, [1, 0]),
    "a byte too few": changed(closing, 6, new Uint8Array(15)),
    "sealed and open registers": changed(closing, 12, [1, 2]),
    "neither sealed nor open registers": changed(closing, 6, undefined),
    "no reason": changed(closing, 7, undefined),
    "reason 4": changed(closing, 7, 4),
    "the default scale said": changed(closing, 10, 0),
    "a closing with an epoch before": changed(closing, 8, 2),
    "a closing with stated registers": changed(closing, 11, new Uint8Array(16)),
    "an opening without an epoch before": changed(opening, 8, undefined),
    "an opening behind itself": changed(opening, 8, 4),
    "a closing hash of 31 bytes": changed(opening, 9, new Uint8Array(31)),
    "a closing hash and stated registers": changed(opening, 11, new Uint8Array(16)),
    "stated registers a byte too long": changed(stated, 11, new Uint8Array(17)),
    "stated registers in plain text in a sealed stream": encodeCbor(
        encodeEvent({
            ...opening,
            before: { sealEpoch: 3, stated: { mode: "open", registers: [1n, 2n] } },
        }),
    ),
    "an unknown field": changed(closing, 13, 1),
    "the medium of a usage body": changed(closing, 11, 1),
};

function makeVectors(): EventVectors {
    return {
        about: [
            "Bodies of billing records (class 3): registers where a seal epoch opens or closes.",
            "hex: deterministic CBOR. event: what a parser reads; bytes in hex, registers in decimal text.",
        ],
        events: Object.entries(EVENTS).map(([name, event]) => ({
            name,
            hex: toHex(encodeCbor(encodeEvent(event))),
            event: plain(event),
        })),
        refused: Object.entries(REFUSED).map(([name, bytes]) => ({
            name,
            hex: toHex(bytes),
            code: "MS_MALFORMED",
        })),
    };
}

function plain(value: unknown): unknown {
    if (value instanceof Uint8Array) return toHex(value);
    if (typeof value === "bigint") return `${value}`;
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

if (process.env.METERSEAL_WRITE_VECTORS !== undefined) {
    writeFileSync(FILE, `${JSON.stringify(makeVectors(), null, 1)}\n`);
}
const vectors: EventVectors = JSON.parse(readFileSync(FILE, "utf8"));

describe("vectors/record/events.json", () => {
    it.each(vectors.events)("has $name", ({ event, hex }) => {
        expect(plain(unwrap(decodeEvent(decodeCbor(fromHex(hex)))))).toEqual(event);
    });

    it.each(vectors.refused)("refuses: $name", ({ code, hex }) => {
        expect(codeOf(decodeEvent(decodeCbor(fromHex(hex))))).toBe(code);
    });

    it("is what this program makes", () => {
        expect(makeVectors()).toEqual(vectors);
    });
});

describe("a register event", () => {
    it("travels in a billing record, and in no other", async () => {
        const place = {
            seq: 1,
            timeUnix: closing.atUnix,
            chainEpoch: 0,
            prev: new Uint8Array(32),
            subject: new Uint8Array(16),
        };
        const body = encodeEvent(closing);
        const make = async (recordClass: number) =>
            unwrap(
                parseRecord(
                    await createRecord(testSigner("meter"), { ...place, recordClass, body }),
                ),
            );
        expect(unwrap(eventOf(await make(RECORD_CLASS.billing)))).toEqual(closing);
        expect(codeOf(eventOf(await make(RECORD_CLASS.warning)))).toBe("MS_MALFORMED");
    });
});
