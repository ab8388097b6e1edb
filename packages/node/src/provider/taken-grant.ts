import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error, toHex, unwrap } from "@meterseal/core";
import { decodeEvidence, type TreeHead } from "@meterseal/ledger";
import { type ReadingPlan, weightedPath, weightedRange } from "@meterseal/provider";
import { type Grant, parseGrant } from "@meterseal/seal";
import { fetchTariffProofs } from "../billing/bill-evidence.ts";
import { type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { formatJson, readBounded } from "../files.ts";
import type { OwnParty } from "../party/party.ts";
import { type ServerApi, serverAs } from "../party/server-api.ts";
import {
    evidenceOfServer,
    type OpenedGrant,
    openOwnGrant,
    type Proof,
    proveByServer,
} from "./read-grant.ts";
import { readSeen, writeSeen } from "./seen-head.ts";

/** A grant at hand, and where its proofs come from. */
export type TakenGrant = OpenedGrant & {
    readonly nowUnix: number;
    /** What shows a page of sums right. */
    readonly prove: (plan: ReadingPlan) => Promise<Proof>;
    /** What shows the one sum of a W grant right, and the proofs of its tariff. */
    readonly proveWeighted: () => Promise<Proof & { readonly tariffProofs: readonly string[] }>;
    /** Remembers a tree head that was proven. */
    readonly remember: (head: TreeHead) => void;
};

/** Largest evidence file: the records of some decades of quarter-hours. */
const EVIDENCE_MAX = 268_435_456;
const SMALL_MAX = 1_048_576;
const FILES = {
    grant: "grant.cose",
    evidence: (page: number): string => (page === 1 ? "evidence.cbor" : `evidence-${page}.cbor`),
    tariff: "tariff-proofs.json",
} as const;

/**
 * Takes a grant from a server's box, by its hash or the first digits of it.
 * @throws MetersealError MS_USAGE, MS_NOT_FOUND, MS_PROOF for another grant, and what the box says.
 */
export async function takeFromServer(
    options: Options,
    directory: string,
    party: OwnParty,
): Promise<TakenGrant> {
    const url = requiredOption(options, "url", "URL");
    const wanted = requiredOption(options, "grant", "ID").toLowerCase();
    const api = serverAs(party, url);
    const { nowUnix } = await api.network();
    const hash = await findGrant(api, wanted, toHex(party.party.id));
    const bytes = await api.grant(hash, textOption(options, "purpose") ?? "sums");
    const grant = unwrap(parseGrant(bytes));
    if (toHex(grant.message.hash) !== hash) {
        throw error("MS_PROOF", { where: url, expected: `grant ${hash}`, got: "another one" });
    }
    const save = keeper(textOption(options, "save"));
    save(FILES.grant, bytes);
    const seen = readSeen(directory);
    let pages = 0;
    return {
        ...(await openOwnGrant(grant, party)),
        nowUnix,
        async prove(plan) {
            const { bytes: evidence, ...proof } = await proveByServer(api, grant, plan, seen);
            save(FILES.evidence(++pages), evidence);
            return proof;
        },
        async proveWeighted() {
            const evidence = await evidenceOfServer(api, grant, weightedRange(grant), seen);
            save(FILES.evidence(1), evidence);
            const tariffProofs = await fetchTariffProofs(url, tariffOf(grant));
            save(FILES.tariff, Buffer.from(formatJson(tariffProofs)));
            const growth = seen === null ? {} : { seen };
            const { sum } = await api.json(weightedPath(grant));
            const proof = { evidence: unwrap(decodeEvidence(evidence)), claimed: sum ?? null };
            return { ...proof, ...growth, tariffProofs };
        },
        remember(head) {
            if (head.size > (seen?.size ?? 0)) writeSeen(directory, head);
        },
    };
}

/** Takes a grant and its evidence from files, as they were saved; nothing is remembered of them. */
export async function takeFromFiles(options: Options, party: OwnParty): Promise<TakenGrant> {
    if (textOption(options, "url") !== undefined || textOption(options, "grant") !== undefined) {
        throw error("MS_USAGE", { expected: "--grant-file without --url and --grant" });
    }
    const read = (name: string, maxBytes: number): Uint8Array =>
        new Uint8Array(readBounded(requiredOption(options, name, "FILE"), maxBytes));
    const grant = unwrap(parseGrant(read("grant-file", SMALL_MAX)));
    const evidence = unwrap(decodeEvidence(read("evidence-file", EVIDENCE_MAX)));
    return {
        ...(await openOwnGrant(grant, party)),
        nowUnix: Math.floor(systemClock.nowMs() / 1000),
        prove: () => Promise.resolve({ evidence }),
        proveWeighted: () => {
            const text = new TextDecoder().decode(read("tariff-file", SMALL_MAX));
            return Promise.resolve({ evidence, tariffProofs: parseProofs(text) });
        },
        remember: () => undefined,
    };
}

function keeper(directory: string | undefined): (name: string, bytes: Uint8Array) => void {
    if (directory === undefined) return () => undefined;
    mkdirSync(directory, { recursive: true });
    return (name, bytes) => writeFileSync(join(directory, name), bytes);
}

function parseProofs(text: string): string[] {
    try {
        const proofs: unknown = JSON.parse(text);
        if (Array.isArray(proofs) && proofs.every((proof) => typeof proof === "string"))
            return proofs;
    } catch {
        // Says the same as any other shape.
    }
    throw error("MS_MALFORMED", { where: "--tariff-file", expected: "proofs as they were saved" });
}

function tariffOf({ tariffHash }: Grant): string {
    if (tariffHash !== undefined) return toHex(tariffHash);
    throw error("MS_VERSION", { where: "grant", expected: "a weighted sum" });
}

/** The grant whose hash begins with some digits, of those that are addressed to the party. */
async function findGrant(api: ServerApi, wanted: string, own: string): Promise<string> {
    if (/^[0-9a-f]{64}$/.test(wanted)) return wanted;
    if (!/^[0-9a-f]{6,63}$/.test(wanted)) {
        const expected = "--grant with the hash of a grant, or its first 6 digits or more";
        throw error("MS_USAGE", { expected, got: wanted });
    }
    const grants = await api.grants();
    const found = grants.filter(
        ({ hash, recipient }) => recipient === own && hash.startsWith(wanted),
    );
    const [only] = found;
    if (only !== undefined && found.length === 1) return only.hash;
    const todo = "See: meterseal provider grants";
    const got = found.length === 0 ? "no such grant" : `${found.length} grants`;
    throw error("MS_NOT_FOUND", { where: `grant ${wanted}`, got, todo });
}
