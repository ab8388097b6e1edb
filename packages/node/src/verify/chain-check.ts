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
     */
    add(record: MeterRecord, carrier: number | null): void {
        const key = chainKey(record.subject, record.chainEpoch);
        const links = this.#chains.get(key) ?? [];
        links.push({
            seq: record.seq,
            hash: record.message.hash,
            prev: record.prev,
            carrier,
        });
        this.#chains.set(key, links);
    }

    /** Hash of the record of a chain at a place; undefined when the store has none. */
    hashAt(subject: Uint8Array, chainEpoch: number, seq: number): Uint8Array | undefined {
        const links = this.#chains.get(chainKey(subject, chainEpoch)) ?? [];
        return links.find((link) => link.seq === seq)?.hash;
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
            let before: Link | null = null;
            for (const link of links) {
                checkLink(key, before, link, findings);
                if (before?.seq === link.seq) this.#checkFork(key, links, link, findings);
                before = link;
            }
        }
    }

    /**
     * Two records at one place are two histories; the same one twice is nobody's doing but the
     * store's, unless two collectors carried it.
     */
    #checkFork(key: string, links: readonly Link[], link: Link, findings: Findings): void {
        const twins = links.filter(
            (other) =>
                other !== link &&
                other.seq === link.seq &&
                bytesEqual(other.hash, link.hash) &&
                (!this.#isShared() || other.carrier === link.carrier),
        );
        if (twins.length > 0)
            findings.fault("MS_STORE_COLUMN", nameOf(key, link), "It is stored twice.");
    }
}

/** As `recordName` has it. */
function nameOf(key: string, { seq }: Link): string {
    return `record ${key}/${seq}`;
}

function checkLink(key: string, before: Link | null, link: Link, findings: Findings): void {
    const expected = (before?.seq ?? 0) + 1;
    if (link.seq > expected) {
        const missing = link.seq - 1 > expected ? `${expected} … ${link.seq - 1}` : `${expected}`;
        findings.fault(
            "MS_GAP",
            `record ${key}/${missing}`,
            "It is missing: a later record of the chain is here.",
        );
        return;
    }
    if (before === null || link.seq < expected) return; // the first; or a fork, which accept() judges
    if (!bytesEqual(link.prev, before.hash)) {
        const message = `It names ${toHex(link.prev)} as its predecessor, which is not ${nameOf(key, before)}.`;
        findings.fault("MS_CHAIN_MISMATCH", nameOf(key, link), message);
    }
}
