import { readFileSync, writeFileSync } from "node:fs";
import { type HpkeKeyPair, recipientKeyId, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import { createSign1, decodeCbor, encodeCbor, MESSAGE_TYPE } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import {
    type BridgeEnds,
    differenceBody,
    GRANT_KIND,
    type GrantTerms,
    parseGrant,
    sealGrant,
    type Window,
    weightedBody,
} from "../src/index.ts";
import { ladderOf } from "./fixtures.ts";
import { at, bodyOf, epochsOf, HOUSEHOLD, RECIPIENT, termsOf } from "./grant-fixtures.ts";
import {
    type GrantVector,
    type GrantVectors,
    jsonOf,
    type RefusedBody,
    type RefusedGrant,
    readVector,
} from "./grant-reading.ts";

/**
 * The frozen vectors of grants. Sealing and ES256 are random, so a vector is made once and then
 * read: terms, hash and opened body must come out. To freeze new ones after a change of format (a new
 * version!) run the tests with METERSEAL_WRITE_VECTORS=1.
 */
const FILE = new URL("../../../vectors/grant/grants.json", import.meta.url);

export function readGrantVectors(): GrantVectors {
    return JSON.parse(readFileSync(FILE, "utf8")) as GrantVectors;
}

const week = Array.from({ length: 5 }, (_, i) =>
    at(["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30"][i] as string),
);
const weeks = week.slice(1).map((toUnix, i) => ({ fromUnix: week[i] as number, toUnix }));
const changeUnix = at("2026-03-12T10:07");
const ends: BridgeEnds = {
    close: { sealEpoch: 0, level: 4, index: 3 },
    open: { sealEpoch: 1, level: 4, index: 0 },
};

/** What is frozen: terms, and the body that belongs to them. */
function cases(hybrid: HpkeKeyPair): [string, GrantTerms, Uint8Array, HpkeKeyPair][] {
    const year = { fromUnix: at("2026-01-01"), toUnix: at("2027-01-01") };
    const weekTerms = {
        window: "week",
        fromUnix: week[0] as number,
        toUnix: week[4] as number,
    } as const;
    const march = termsOf();
    const spans = [
        { sealEpoch: 0, fromUnix: march.fromUnix, toUnix: changeUnix },
        { sealEpoch: 1, fromUnix: changeUnix, toUnix: march.toUnix },
    ];
    const list: [string, GrantTerms, Uint8Array][] = [];
    const add = (
        name: string,
        terms: GrantTerms,
        windows: readonly Window[] = [],
        bridges: readonly (BridgeEnds | undefined)[] = [],
    ) => list.push([name, terms, bodyOf(terms, windows, bridges)]);
    add("K, quarter-hours of a month with a change of the clock", march);
    add(
        "K, days of a year, import and export, a lease",
        termsOf({ ...year, level: 2, groups: [0, 1], leaseEndUnix: year.toUnix }),
    );
    add(
        "K, days over a change of the seal epoch",
        termsOf({ spans, level: 2 }),
        [],
        [undefined, ends],
    );
    add("E, weeks", termsOf({ ...weekTerms, kind: GRANT_KIND.E }), weeks);
    add("D, weeks", termsOf({ ...weekTerms, kind: GRANT_KIND.D, groups: [0, 1] }), weeks);
    const quantum = termsOf({
        level: 3,
        hpkeSuite: 2,
        recipientKeyId: recipientKeyId(hybrid.publicKey),
    });
    add("K, months, sealed with the hybrid suite", quantum);
    add(
        "D, one window over a change of the seal epoch",
        termsOf({ spans, kind: GRANT_KIND.D, window: "total", groups: [0, 1] }),
        [{ fromUnix: march.fromUnix, toUnix: march.toUnix }],
        [undefined, ends],
    );
    list.push(weightedCase(0));
    list.push(weightedCase(1));
    const overChange = termsOf({ spans, kind: GRANT_KIND.D, window: "total", groups: [0, 1] });
    const total = [{ fromUnix: march.fromUnix, toUnix: march.toUnix }];
    const epochs = epochsOf(overChange, [undefined, ends]).map((epoch) => ({
        ...epoch,
        committed: 2,
    }));
    const ladder = ladderOf(overChange.zone);
    list.push([
        "D, one window over a change of the seal epoch, with blinds of two registers",
        overChange,
        unwrap(differenceBody(overChange, ladder, epochs, total)),
    ]);
    return list.map(([name, terms, body]) => [
        name,
        terms,
        body,
        terms.hpkeSuite === 2 ? hybrid : RECIPIENT,
    ]);
}

/**
 * Two registers of March at three prices, by the weights of four boundaries.
 * @param committed - registers that are committed to.
 */
function weightedCase(committed: number): [string, GrantTerms, Uint8Array] {
    const tariffHash = testBytes("tariff", 32);
    const terms = termsOf({ kind: GRANT_KIND.W, tariffHash, groups: [0, 1] });
    const ladder = ladderOf(terms.zone);
    const instants = [terms.fromUnix, at("2026-03-10T06:00"), at("2026-03-29"), terms.toUnix];
    const weights = [-200_000n, -150_000n, 100_000n, 250_000n].map((weight, i) => ({
        address: ladder.addressOf(slotOfUnix(instants[i] as number, 900)),
        weight,
    }));
    const byGroup = [0, 1].map((group) => ({
        group,
        isCommitted: group < committed,
        epochs: [{ sealEpoch: 0, terms: weights }],
    }));
    const body = unwrap(weightedBody(terms, epochsOf(terms), byGroup));
    const name = "W, two registers at the weights of four boundaries";
    return [committed === 0 ? name : `${name}, with the blind of the first`, terms, body];
}

/** Bodies that no recipient takes, each under the terms of a grant above. */
function refusedBodies(grants: readonly GrantVector[]): RefusedBody[] {
    const changed = (name: string, of: string, change: (body: unknown[]) => unknown) => {
        const body = grants.find((grant) => grant.name === of)?.body ?? "";
        const value = change(decodeCbor(Uint8Array.fromHex(body)) as unknown[]);
        return { name, of, body: toHex(encodeCbor(value)), code: "MS_MALFORMED" };
    };
    const [month, bridged, weeksE, weeksD, overChangeD] = [
        "K, quarter-hours of a month with a change of the clock",
        "K, days over a change of the seal epoch",
        "E, weeks",
        "D, weeks",
        "D, one window over a change of the seal epoch, with blinds of two registers",
    ] as const;
    type Span = [number[][], Uint8Array[], unknown[]?];
    const withSeeds = (body: unknown[], seeds: Uint8Array) => {
        const [[ranges]] = body as [Span];
        return [[ranges, [seeds]]];
    };
    return [
        changed("a node too few", month, (body) => {
            const [[, [seeds]]] = body as [[unknown, [Uint8Array]]];
            return withSeeds(body, seeds.slice(16));
        }),
        changed("a span too many", month, (body) => [...body, ...body]),
        changed("no bridge", bridged, (body) => {
            const [first, second] = body as [Span, Span];
            return [first, second.slice(0, 2)];
        }),
        changed("a bridge into another epoch", bridged, (body) => {
            const [first, second] = body as [Span, Span];
            const [close, , tokens] = second[2] as unknown[];
            return [first, [second[0], second[1], [close, [2, 4, 0], tokens]]];
        }),
        changed("leaves that repeat", weeksE, (body) => {
            const [[[[tree, leaves, keys]]]] = body as [[[[number, number[], Uint8Array]]]];
            return [[[[tree, [leaves[0], 0, ...leaves.slice(2)], keys]]]];
        }),
        changed("windows outside of the range", weeksD, (body) => {
            const map = body as unknown as Map<number, [number, number[]][]>;
            const [[from, lengths]] = map.get(0) as [[number, number[]]];
            return new Map(map).set(0, [[from - 900, lengths]]);
        }),
        changed("a blind too short", overChangeD, (body) => {
            const map = body as unknown as Map<number, unknown>;
            const [first, second] = map.get(2) as [Uint8Array, Uint8Array];
            return new Map(map).set(2, [first, second.slice(1)]);
        }),
        changed("no blinds in their place", overChangeD, (body) => {
            return new Map(body as unknown as Map<number, unknown>).set(2, []);
        }),
        changed("a number too few", weeksD, (body) => {
            const map = body as unknown as Map<number, unknown>;
            const [first, second] = map.get(1) as [Uint8Array, Uint8Array];
            return new Map(map).set(1, [first, second.slice(8)]);
        }),
    ];
}

export async function writeGrantVectors(): Promise<void> {
    const frozen = readGrantVectors();
    const hybrid = hybridOf(frozen);
    const grants = [...frozen.grants];
    for (const [name, terms, body, { publicKey }] of cases(hybrid)) {
        if (grants.some((grant) => grant.name === name)) continue;
        const bytes = unwrap(await sealGrant(HOUSEHOLD, terms, publicKey, body));
        const { message } = unwrap(parseGrant(bytes));
        const hash = toHex(message.hash);
        grants.push({ name, hex: toHex(bytes), hash, terms: jsonOf(terms), body: toHex(body) });
    }
    const refused = [...frozen.refused];
    const first = unwrap(parseGrant(Uint8Array.fromHex(grants[0]?.hex ?? "")));
    for (const made of await refusedOf(first)) {
        if (!refused.some(({ name }) => name === made.name)) refused.push(made);
    }
    const file = { ...frozen, grants, refused, refusedBodies: refusedBodies(grants) };
    writeFileSync(FILE, `${JSON.stringify(file, null, 4)}\n`);
}

/** The recipient's keys of suite 2 in the file. */
function hybridOf(file: GrantVectors): HpkeKeyPair {
    const found = file.recipients.find(({ suite }) => suite === 2);
    const [privateKey, publicKey] = [found?.privateKey, found?.publicKey].map((hex) =>
        Uint8Array.fromHex(hex ?? ""),
    ) as [Uint8Array, Uint8Array];
    return { suite: 2, privateKey, publicKey };
}

async function refusedOf({
    message,
}: {
    message: { payload: Uint8Array; bytes: Uint8Array };
}): Promise<RefusedGrant[]> {
    const changed = async (name: string, change: (map: Map<number, unknown>) => void) => {
        const map = decodeCbor(message.payload) as Map<number, unknown>;
        change(map);
        const bytes = await createSign1(HOUSEHOLD, MESSAGE_TYPE.grant, encodeCbor(map));
        return { name, hex: toHex(bytes), code: "MS_MALFORMED" };
    };
    return [
        await changed("a further key", (map) => map.set(27, 0)),
        await changed("no level in a K grant", (map) => map.delete(8)),
        await changed("a kind that is none", (map) => map.set(7, 6)),
        await changed("a range that ends before it begins", (map) => map.set(10, 0)),
        await changed("groups that descend", (map) => map.set(26, [1, 0])),
        await changed("an encapsulated key of another suite", (map) => map.set(22, 2)),
        { name: "cut short", hex: toHex(message.bytes.slice(0, -1)), code: "MS_MALFORMED" },
    ];
}

/** Bodies as the code of today makes them, by name. */
export function bodiesOfToday(file: GrantVectors): ReadonlyMap<string, string> {
    const hybrid = hybridOf(file);
    return new Map(cases(hybrid).map(([name, , body]) => [name, toHex(body)]));
}

/** Vectors of suite 1 that do not come out; suite 2 depends on what the platform can do. */
async function countWrong(): Promise<number> {
    const file = readGrantVectors();
    const today = bodiesOfToday(file);
    let wrong = 0;
    for (const vector of file.grants) {
        const grant = unwrap(parseGrant(Uint8Array.fromHex(vector.hex)));
        if (grant.hpkeSuite !== 1) continue;
        const { body, hash, isSigned } = (await readVector(vector, file)) as GrantVector & {
            readonly isSigned: boolean;
        };
        const holds = body === vector.body && hash === vector.hash && isSigned;
        if (!holds || today.get(vector.name) !== body) wrong++;
    }
    return wrong;
}

if (process.argv.includes("--check")) console.log(`${await countWrong()} wrong`);
