import { concatBytes, fromHex, toHex, unwrap } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "../src/cbor.ts";
import { parseEnrolment } from "../src/enrol.ts";
import { createRecord, parseRecord, usageOf } from "../src/record.ts";
import { MESSAGE_TYPE } from "../src/sign1.ts";
import { encodeUsage } from "../src/usage.ts";
import { flipBit, rawSign1, replaceHex } from "./raw.ts";

import { type MessageVector, type RefusedVector, signerOf, subject } from "./vectors-messages.ts";
import { refusedRsa } from "./vectors-rsa.ts";

/** Makes the inputs that are refused, from the valid messages. */
export async function makeRefused(messages: readonly MessageVector[]): Promise<RefusedVector[]> {
    const hexOf = (name: string): Uint8Array =>
        fromHex(messages.find((message) => message.name === name)?.hex ?? "");
    const signer = signerOf("meter");
    const valid = hexOf("sealed usage of one group, by meter");
    const { payload, signature } = unwrap(parseRecord(valid)).message;
    const out: RefusedVector[] = [];
    const add = (
        name: string,
        kind: RefusedVector["kind"],
        bytes: Uint8Array,
        code: string,
        key?: string,
    ): void => {
        out.push({ name, kind, ...(key === undefined ? {} : { key }), hex: toHex(bytes), code });
    };
    const raw = (parts: Partial<Parameters<typeof rawSign1>[0]>): Promise<Uint8Array> =>
        rawSign1({ signer, payload, ...parts });
    const field = async (key: number, value: unknown): Promise<Uint8Array> => {
        const map = decodeCbor(payload) as Map<number, unknown>;
        if (value === undefined) map.delete(key);
        else map.set(key, value);
        return await raw({ payload: encodeCbor(map) });
    };
    const usage = async (key: number, value: unknown): Promise<Uint8Array> => {
        const body = encodeUsage(unwrap(usageOf(unwrap(parseRecord(valid)))));
        if (value === undefined) body.delete(key);
        else body.set(key, value);
        return await field(3, body);
    };
    const body = encodeUsage(unwrap(usageOf(unwrap(parseRecord(valid)))));
    add("nothing", "record", new Uint8Array(0), "MS_MALFORMED");
    add("cut by one byte", "record", valid.slice(0, -1), "MS_MALFORMED");
    add("one byte more", "record", concatBytes(valid, Uint8Array.of(0)), "MS_MALFORMED");
    add("no tag", "record", await raw({ tag: "" }), "MS_MALFORMED");
    add("tag of COSE_Mac0", "record", await raw({ tag: "d1" }), "MS_MALFORMED");
    add("an unprotected label", "record", await raw({ unprotected: "a10441aa" }), "MS_MALFORMED");
    for (const [name, type] of [
        ["type of a later version", "meterseal/record/v3"],
        ["type of version 1, which nobody released", "meterseal/record/v1"],
    ] as const) {
        add(name, "record", await raw({ type }), "MS_VERSION");
    }
    add("type of a receipt", "record", await raw({ type: "meterseal/receipt/v1" }), "MS_VERSION");
    add("unknown algorithm", "record", await raw({ algorithm: -35 }), "MS_VERSION");
    add("short kid", "record", await raw({ kid: new Uint8Array(7) }), "MS_MALFORMED");
    add(
        "signature of 63 bytes",
        "record",
        replaceHex(valid, `5840${toHex(signature)}`, `583f${toHex(signature.slice(1))}`),
        "MS_MALFORMED",
    );
    out.push({
        name: "over its limit",
        kind: "record",
        hex: "",
        zeros: 65_537,
        code: "MS_TOO_LARGE",
    });
    add("class 0", "record", await field(0, 0), "MS_MALFORMED");
    add("class 9", "record", await field(0, 9), "MS_MALFORMED");
    add("sequence number 0", "record", await field(1, 0), "MS_MALFORMED");
    add("no prev", "record", await field(5, undefined), "MS_MALFORMED");
    add("short subject", "record", await field(8, new Uint8Array(15)), "MS_MALFORMED");
    add("unknown field", "record", await field(9, 0), "MS_MALFORMED");
    add(
        "a float as body",
        "record",
        await raw({ payload: replaceHex(await warningPayload(), "0305", "03f93e00") }),
        "MS_MALFORMED",
    );
    add(
        "a number in a long form",
        "record",
        await raw({ payload: replaceHex(await warningPayload(), "0305", "031805") }),
        "MS_MALFORMED",
    );
    add(
        "a tag in the body",
        "record",
        await raw({ payload: replaceHex(await warningPayload(), "0305", "03c105") }),
        "MS_MALFORMED",
    );
    add(
        "an array of indefinite length",
        "record",
        await raw({ payload: replaceHex(await warningPayload(), "0305", "039f05ff") }),
        "MS_MALFORMED",
    );
    add(
        "nested nine deep",
        "record",
        await raw({ payload: replaceHex(await warningPayload(), "0305", `03${"81".repeat(8)}05`) }),
        "MS_MALFORMED",
    );
    add(
        "a field twice",
        "record",
        await raw({ payload: replaceHex(await warningPayload(), "a700050101", "a8000501010101") }),
        "MS_MALFORMED",
    );
    add(
        "fields out of order",
        "record",
        await raw({ payload: replaceHex(await warningPayload(), "a700050101", "a701010005") }),
        "MS_MALFORMED",
    );
    add("usage: no boundaries", "record", await usage(4, 0), "MS_MALFORMED");
    add("usage: 385 boundaries", "record", await usage(4, 385), "MS_MALFORMED");
    add("usage: slots of 7 s", "record", await usage(2, 7), "MS_MALFORMED");
    add("usage: groups out of order", "record", await usage(5, [1, 0]), "MS_MALFORMED");
    add("usage: a byte too few", "record", await usage(6, new Uint8Array(31)), "MS_MALFORMED");
    for (const [name, exceptions] of [
        ["an address of level 4", [[0, 4, 1]]],
        ["no exception", []],
        ["an hour that is one by default", [[2, 1]]],
        ["a slot that is one by default", [[1, 0]]],
        ["an hour with an index", [[1, 1, 376_944]]],
        ["a day without an index", [[0, 2]]],
        [
            "exceptions out of order",
            [
                [3, 2, 4749],
                [0, 3, 156],
            ],
        ],
    ] as const) {
        add(`usage: ${name}`, "record", await usage(7, exceptions), "MS_MALFORMED");
    }
    for (const [name, phase] of [
        ["the default hour phase said", 0],
        ["an hour phase of an hour", 3600],
        ["an hour phase of half a slot", 900],
        ["an hour phase without its first hour", 1800],
    ] as const) {
        const slots = [
            [1, 0],
            [3, 0],
        ];
        const phased = new Map([...body, [7, slots], [13, phase]]);
        add(`usage: ${name}`, "record", await field(3, phased), "MS_MALFORMED");
    }
    add("usage: flag 6", "record", await usage(8, [[0, 1, 6]]), "MS_MALFORMED");
    add(
        "usage: a short commitment",
        "record",
        await usage(9, [new Uint8Array(127)]),
        "MS_MALFORMED",
    );
    add("usage: the default scale said", "record", await usage(10, 0), "MS_MALFORMED");
    add("usage: unknown field", "record", await usage(14, 0), "MS_MALFORMED");
    const stored = hexOf("receipt: stored");
    add("a receipt as a record", "record", stored, "MS_VERSION");
    add("a record as a receipt", "receipt", valid, "MS_VERSION");
    add("a signed receipt as an unsigned one", "unsigned-receipt", stored, "MS_MALFORMED");
    add(
        "code 16",
        "unsigned-receipt",
        replaceHex(hexOf("receipt: refused for a bad signature, unsigned"), "0304", "0310"),
        "MS_MALFORMED",
    );
    add("a record as an enrolment", "enrolment", valid, "MS_VERSION");
    for (const refused of await refusedEnrolments(hexOf)) add(...refused);
    add(
        "half a message after a whole one",
        "sequence",
        concatBytes(stored, stored.slice(0, 40)),
        "MS_MALFORMED",
    );
    add(
        "four messages where three are allowed",
        "sequence",
        concatBytes(stored, stored, stored, stored),
        "MS_TOO_LARGE",
    );
    add(
        "one bit of the payload turned",
        "signature",
        flipBit(valid, 8 * 100),
        "MS_SIGNATURE_BAD",
        "meter",
    );
    add(
        "signed for another type",
        "signature",
        await raw({ aad: "meterseal/receipt/v1" }),
        "MS_SIGNATURE_BAD",
        "meter",
    );
    add(
        "signed by another key of the same name",
        "signature",
        valid,
        "MS_SIGNATURE_BAD",
        "collector",
    );
    add(
        "high s",
        "signature",
        highS(hexOf("warning, by meter-es256")),
        "MS_SIGNATURE_BAD",
        "meter-es256",
    );
    for (const refused of await refusedRsa(hexOf)) add(...refused);
    return out;
}

type Refused = [name: string, kind: "enrolment", bytes: Uint8Array, code: string];

/** Enrolments that say commitments where they may not, or in the wrong version. */
function refusedEnrolments(hexOf: (name: string) => Uint8Array): Promise<Refused[]> {
    const operator = signerOf("operator");
    const payloadOf = (name: string): Uint8Array =>
        unwrap(parseEnrolment(hexOf(name))).message.payload;
    const committed = payloadOf("enrolment of a meter with commitments");
    const stream = async (name: string, key: number, value: number): Promise<Refused> => {
        const map = decodeCbor(committed) as Map<number, unknown>;
        (map.get(6) as Map<number, unknown>[])[1]?.set(key, value);
        return await refused(name, encodeCbor(map), MESSAGE_TYPE.enrolCommitted);
    };
    const refused = async (name: string, payload: Uint8Array, type: string): Promise<Refused> => {
        const bytes = await rawSign1({ signer: operator, payload, type });
        return [`enrolment: ${name}`, "enrolment", bytes, "MS_MALFORMED"];
    };
    return Promise.all([
        refused("commitments in version 1", committed, MESSAGE_TYPE.enrol),
        refused(
            "version 2 for nothing new",
            payloadOf("enrolment of meter"),
            MESSAGE_TYPE.enrolCommitted,
        ),
        stream("commitments to no group", 8, 0),
        stream("commitments to more groups than there are", 8, 3),
        stream("commitments in an open stream", 6, 1),
    ]);
}

async function warningPayload(): Promise<Uint8Array> {
    const bytes = await createRecord(signerOf("meter"), {
        recordClass: 5,
        seq: 1,
        timeUnix: 1_357_000_200,
        body: 5,
        chainEpoch: 0,
        prev: new Uint8Array(32),
        subject,
    });
    return unwrap(parseRecord(bytes)).message.payload;
}

function highS(bytes: Uint8Array): Uint8Array {
    const order = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const s = order - BigInt(`0x${toHex(bytes.slice(-32))}`);
    return concatBytes(bytes.slice(0, -32), fromHex(s.toString(16).padStart(64, "0")));
}
