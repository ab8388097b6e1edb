import { bytesEqual, toHex } from "@meterseal/core";
import { chainKey } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import type { Findings } from "./findings.ts";

/** Links of one record, without its bytes. */
type Link = {
    readonly seq: number;
    readonly hash: Uint8Array;
    readonly prev: Uint8Array;
    /** Row of the vertex that carries it; null while none does. */
    readonly carrier: number | null;
    /** Whether the rules kept it out of its chain. */
    readonly isPassedOver: boolean;
};

/** Checks that every chain is whole: no number missing, each record naming the one before. */
export class ChainCheck {
    readonly #chains = new Map<string, Link[]>();
    readonly #isShared: () => boolean;

    /** @param isShared - whether other collectors than ours write into the log too; asked at the end. */
    constructor(isShared: () => boolean) {
        this.#isShared = isShared;
    }

    /**
     * Takes a record of the store, in any order.
     * @param carrier - row of the vertex that carries it; null while none does.
     * @param isPassedOver - whether the rules kept it out of its chain when they judged that vertex.
     */
    add(record: MeterRecord, carrier: number | null, isPassedOver = false): void {
        const key = chainKey(record.subject, record.chainEpoch);
        const links = this.#chains.get(key) ?? [];
        links.push({
            seq: record.seq,
            hash: record.message.hash,
            prev: record.prev,
            carrier,
            isPassedOver,
        });
        this.#chains.set(key, links);
    }

    /** Hashes of the records of a chain at a place: none, one, or those of several histories. */
    hashesAt(subject: Uint8Array, chainEpoch: number, seq: number): readonly Uint8Array[] {
        const links = this.#chains.get(chainKey(subject, chainEpoch)) ?? [];
        return links.filter((link) => link.seq === seq).map(({ hash }) => hash);
    }

    /** Last sequence number of a chain in the store; 0 for a chain that has none. */
    lastSeq(subject: Uint8Array, chainEpoch: number): number {
        const links = this.#chains.get(chainKey(subject, chainEpoch)) ?? [];
        return links.reduce((last, link) => Math.max(last, link.seq), 0);
    }

    /** Judges all chains. */
    run(findings: Findings): void {
        for (const [key, links] of this.#chains) {
            links.sort((a, b) => a.seq - b.seq);
            let before: readonly Link[] = [];
            for (const place of placesOf(links)) {
                checkPlace(key, before, place, findings);
                if (place.length > 1) this.#checkCopies(key, place, findings);
                before = place;
            }
        }
    }

    /**
     * The same record twice is nobody's doing but the store's, unless two collectors carried it, or one
     * did again what the rules had passed over.
     */
    #checkCopies(key: string, place: readonly Link[], findings: Findings): void {
        const known = new Set<string>();
        for (const link of place) {
            const isCarriedAgain = this.#isShared() || link.isPassedOver;
            const name = `${toHex(link.hash)} ${isCarriedAgain ? link.carrier : ""}`;
            if (known.has(name)) {
                findings.fault("MS_STORE_COLUMN", nameOf(key, link), "It is stored twice.");
            }
            known.add(name);
        }
    }
}

/** As `recordName` has it. */
function nameOf(key: string, { seq }: Link): string {
    return `record ${key}/${seq}`;
}

/** Sorted links by their place; each has one record, or several where a meter signed two histories. */
function* placesOf(links: readonly Link[]): Generator<readonly [Link, ...Link[]]> {
    let place: [Link, ...Link[]] | null = null;
    for (const link of links) {
        if (place?.[0].seq === link.seq) {
            place.push(link);
            continue;
        }
        if (place !== null) yield place;
        place = [link];
    }
    if (place !== null) yield place;
}

/**
 * Holds a place against the one before it. Where several records stand at either, one that follows one
 * is enough: both histories may go on, and which of them counts is for `accept()`.
 */
function checkPlace(
    key: string,
    before: readonly Link[],
    place: readonly [Link, ...Link[]],
    findings: Findings,
): void {
    // Of what was passed over the rules have said all.
    const held = place.filter(({ isPassedOver }) => !isPassedOver);
    const [link] = held;
    if (link === undefined) return;
    const expected = (before[0]?.seq ?? 0) + 1;
    if (link.seq > expected) {
        // A collector keeps two records of one place as proof, also where those before never came.
        if (place.some(({ hash }) => !bytesEqual(hash, link.hash))) return;
        const missing = link.seq - 1 > expected ? `${expected} … ${link.seq - 1}` : `${expected}`;
        findings.fault(
            "MS_GAP",
            `record ${key}/${missing}`,
            "It is missing: a later record of the chain is here.",
        );
        return;
    }
    const [last] = before;
    if (last === undefined) return;
    const hashes = new Set(before.map(({ hash }) => toHex(hash)));
    if (held.some(({ prev }) => hashes.has(toHex(prev)))) return;
    const message = `It names ${toHex(link.prev)} as its predecessor, which is not ${nameOf(key, last)}.`;
    findings.fault("MS_CHAIN_MISMATCH", nameOf(key, link), message);
}
