import { readFileSync, writeFileSync } from "node:fs";
import { error, toHex, unwrap } from "@meterseal/core";
import { createSign1, decodeCbor, encodeCbor, MESSAGE_TYPE, verifySign1 } from "@meterseal/record";
import { expect, test } from "vitest";
import {
    createStandingPolicy,
    GRANT_KIND,
    type PolicyTerms,
    parseGrant,
    parseStandingPolicy,
} from "../src/index.ts";
import { codeOf } from "./fixtures.ts";
import { at, HOUSEHOLD, termsOf } from "./grant-fixtures.ts";

const FILE = new URL("../../../vectors/grant/policies.json", import.meta.url);

type Vectors = {
    readonly about: readonly string[];
    readonly household: { readonly x: string; readonly y: string };
    readonly policies: readonly {
        readonly name: string;
        readonly hex: string;
        readonly hash: string;
        readonly terms: unknown;
    }[];
    readonly refused: readonly { readonly name: string; readonly hex: string }[];
};

function policyOf(changes: Partial<PolicyTerms> = {}): PolicyTerms {
    const { network, grantId, household, subject, streamId, recipient, zone } = termsOf();
    return {
        ...{ network, policyId: grantId, household, subject, streamId, recipient, zone },
        ...{ groups: [0], kind: GRANT_KIND.K, window: "day", slotSeconds: 900 },
        ...{ fromUnix: at("2026-01-01"), issuedUnix: at("2025-12-20"), leasePeriod: "month" },
        ...changes,
    };
}

const CASES: readonly [string, PolicyTerms][] = [
    ["days, a month at a time, until revoked", policyOf()],
    [
        "half hours, a week at a time, import and export",
        policyOf({
            ...{ window: "half-hour", kind: GRANT_KIND.E, groups: [0, 1], leasePeriod: "week" },
            fromUnix: at("2026-01-05"),
        }),
    ],
    [
        "one sum a year, for ten years",
        policyOf({
            ...{ window: "total", kind: GRANT_KIND.D, leasePeriod: "year" },
            toUnix: at("2036-01-01"),
        }),
    ],
];

const jsonOf = (value: unknown): unknown =>
    JSON.parse(
        JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? toHex(part) : part)),
    );

/** A policy with changed fields, signed all the same. */
async function changed(change: (map: Map<number, unknown>) => void): Promise<Uint8Array> {
    const bytes = await createStandingPolicy(HOUSEHOLD, policyOf({ toUnix: at("2027-01-01") }));
    const map = decodeCbor(unwrap(parseStandingPolicy(bytes)).message.payload);
    change(map as Map<number, unknown>);
    return await createSign1(HOUSEHOLD, MESSAGE_TYPE.policy, encodeCbor(map));
}

const REFUSED: readonly [string, (map: Map<number, unknown>) => void][] = [
    ["a further key", (map) => map.set(28, 0)],
    ["no lease period", (map) => map.delete(27)],
    ["a lease period that is none", (map) => map.set(27, "hour")],
    ["a kind that a wallet does not renew: W", (map) => map.set(7, 3)],
    ["a kind that a wallet does not renew: C", (map) => map.set(7, 4)],
    ["a window that is none", (map) => map.set(18, "decade")],
    ["an end before it begins", (map) => map.set(10, at("2025-01-01"))],
    ["groups that descend", (map) => map.set(6, [1, 0])],
    ["no group", (map) => map.set(6, [])],
    ["slots that do not divide the hour", (map) => map.set(20, 7)],
    ["squares of hours", (map) => map.set(6, [2]).set(18, "hour")],
    ["a short id", (map) => map.set(1, new Uint8Array(15))],
    ["a zone without a name", (map) => map.set(19, "")],
];

async function write(): Promise<void> {
    const key = HOUSEHOLD.publicKey;
    if (key.algorithm !== -7) throw error("MS_INTERNAL");
    const policies = [];
    for (const [name, terms] of CASES) {
        const bytes = await createStandingPolicy(HOUSEHOLD, terms);
        const { message } = unwrap(parseStandingPolicy(bytes));
        policies.push({ name, hex: toHex(bytes), hash: toHex(message.hash), terms: jsonOf(terms) });
    }
    const refused = [];
    for (const [name, change] of REFUSED) refused.push({ name, hex: toHex(await changed(change)) });
    const file: Vectors = {
        about: [
            "Standing policies: what the terms say, and the hash that names the policy on the ledger.",
            "refused: a strict parser answers with MS_MALFORMED.",
        ],
        household: { x: toHex(key.x), y: toHex(key.y) },
        policies,
        refused,
    };
    writeFileSync(FILE, `${JSON.stringify(file, null, 4)}\n`);
}

if (process.env.METERSEAL_WRITE_VECTORS === "1") await write();
const file = JSON.parse(readFileSync(FILE, "utf8")) as Vectors;

test.each(CASES)("%s: frozen and signed", async (name, terms) => {
    const vector = file.policies.find((each) => each.name === name);
    const { message, ...read } = unwrap(parseStandingPolicy(Uint8Array.fromHex(vector?.hex ?? "")));
    expect(jsonOf(read)).toEqual(vector?.terms);
    expect(read).toEqual(terms);
    expect(toHex(message.hash)).toBe(vector?.hash);
    const [x, y] = [Uint8Array.fromHex(file.household.x), Uint8Array.fromHex(file.household.y)];
    expect(verifySign1(message, { algorithm: -7, x, y })).toBe(true);
    const today = unwrap(parseStandingPolicy(await createStandingPolicy(HOUSEHOLD, terms)));
    expect(today.message.payload).toEqual(message.payload);
});

test.each(REFUSED)("refused: %s", async (name, change) => {
    const vector = file.refused.find((each) => each.name === name);
    for (const bytes of [Uint8Array.fromHex(vector?.hex ?? ""), await changed(change)]) {
        expect(codeOf(parseStandingPolicy(bytes))).toBe("MS_MALFORMED");
    }
});

test("is no grant, and no shorter or other message is a policy", async () => {
    const bytes = await createStandingPolicy(HOUSEHOLD, policyOf());
    expect(codeOf(parseGrant(bytes))).not.toBe("ok");
    for (let length = 0; length < bytes.length; length++) {
        expect(codeOf(parseStandingPolicy(bytes.slice(0, length)))).not.toBe("ok");
    }
    const { payload } = unwrap(parseStandingPolicy(bytes)).message;
    const other = await createSign1(HOUSEHOLD, MESSAGE_TYPE.grant, payload);
    expect(codeOf(parseStandingPolicy(other))).not.toBe("ok");
});
