import {
    bytesEqual,
    error,
    fail,
    type MetersealError,
    type PublicKey,
    toHex,
    unixOfSlot,
} from "@meterseal/core";
import {
    type Enrolment,
    epochOf,
    kidOf,
    type MeterRecord,
    type Notice,
    type Party,
    type Pruning,
    parseRecord,
    RECORD_CLASS,
    ROLE,
    type Sign1,
    usageOf,
    verifySign1,
} from "@meterseal/record";
import { recordName } from "../accept/accept.ts";
import { verifyCheckpoint } from "../checkpoint/checkpoint.ts";
import { decodeEntry, entryLeafHash, parseItem } from "../entry.ts";
import { decodeGenesis, type Genesis, networkIdOf, originOf } from "../genesis.ts";
import { verifyConsistency, verifyInclusion } from "../merkle/verify.ts";
import type { TreeHead } from "../ports.ts";
import { recordLeafHash } from "../vertex/body.ts";
import type { Vertex } from "../vertex/vertex.ts";
import type { Evidence, LogLeaf } from "./evidence.ts";

/**
 * Which records the evidence must hold: a chain from its first record on, a stretch of it without a
 * gap, or single records whose neighbours are not asked for. Where the evidence holds an entry of the
 * log by which older records were pruned, a whole chain may begin with the first that is left.
 */
export type EvidenceExtent = "whole" | "stretch" | "single";

/** What the reader knows beforehand and trusts: it came with the key file, not from the server. */
export type EvidenceTrust = {
    /** Network id, 32 bytes: pins the genesis, and with it every key. */
    readonly networkId: Uint8Array;
    /** Subject whose records are meant, 16 bytes. */
    readonly subject: Uint8Array;
    /** Absent = whole. */
    readonly extent?: EvidenceExtent;
    /**
     * Tree head that the reader saw before: the log must have grown from it, or be as it was. Absent
     * where there was none, or older evidence is meant to be read.
     */
    readonly seen?: TreeHead;
};

/** One thing that does not hold. */
export type Fault = { readonly error: MetersealError; readonly where: string };

/** Answer to one question about somebody's data. */
export type Verdict = {
    readonly holds: boolean;
    /** How many things were looked at; a verdict over nothing does not hold. */
    readonly checked: number;
    readonly faults: readonly Fault[];
};

/** Verdict over so many things of which some do not hold. */
export function verdictOf(checked: number, faults: readonly Fault[]): Verdict {
    return { holds: checked > 0 && faults.length === 0, checked, faults };
}

/** A record of checked evidence and the time of the log entry that made it final. */
export type CheckedRecord = { readonly record: MeterRecord; readonly entryTimeMs: number };

/** A checked notice and the time of its log entry. */
export type CheckedNotice = { readonly notice: Notice; readonly entryTimeMs: number };

/** Outcome of {@link checkEvidence}. */
export type EvidenceReport = {
    readonly checkpoint: TreeHead | null;
    /** Enrolments that the operator signed. */
    readonly enrolments: readonly Enrolment[];
    /** Parties that the operator signed, and what they said. */
    readonly parties: readonly Party[];
    readonly notices: readonly CheckedNotice[];
    /** Signatures of enrolments, vertices and records. */
    readonly signatures: { readonly checked: number; readonly faults: readonly Fault[] };
    /** Chain links, inclusion of records and entries, and the checkpoint. */
    readonly continuity: { readonly checked: number; readonly faults: readonly Fault[] };
    /** Records that parsed, in chain order. */
    readonly records: readonly CheckedRecord[];
    /**
     * Instant up to which usage records are not here because they were pruned, seconds since 1970, by an
     * entry of the log; null where the chain is whole or nobody asked for all of it.
     */
    readonly prunedBeforeUnix: number | null;
};

/** Verifies evidence from the network id up; never throws, names every fault. */
export function checkEvidence(evidence: Evidence, trust: EvidenceTrust): EvidenceReport {
    return new EvidenceCheck(evidence, trust).run();
}

type CheckedVertex = { vertex: Vertex; timeMs: number } | null;

class EvidenceCheck {
    readonly #evidence: Evidence;
    readonly #trust: EvidenceTrust;
    readonly #signatures = { checked: 0, faults: [] as Fault[] };
    readonly #continuity = { checked: 0, faults: [] as Fault[] };
    readonly #enrolments = new Map<string, Enrolment>();
    readonly #parties = new Map<string, Party>();
    readonly #notices: CheckedNotice[] = [];
    readonly #prunings: Pruning[] = [];
    #prunedBeforeUnix: number | null = null;

    constructor(evidence: Evidence, trust: EvidenceTrust) {
        this.#evidence = evidence;
        this.#trust = trust;
    }

    run(): EvidenceReport {
        const genesis = this.#checkGenesis();
        const head = genesis === null ? null : this.#checkCheckpoint(genesis);
        const records: CheckedRecord[] = [];
        if (genesis !== null && head !== null) {
            for (const leaf of this.#evidence.enrolments) this.#checkEnrolment(leaf, head, genesis);
            for (const leaf of this.#evidence.statements ?? []) {
                this.#checkStatement(leaf, head, genesis);
            }
            const vertices = this.#evidence.vertices.map((leaf) => this.#checkVertex(leaf, head));
            for (const item of this.#evidence.records) {
                const vertex = vertices[item.vertex] ?? null;
                const record = this.#checkRecord(item, vertex);
                if (record !== null) records.push({ record, entryTimeMs: vertex?.timeMs ?? 0 });
            }
            this.#checkChain(records);
        }
        return {
            checkpoint: head,
            enrolments: [...this.#enrolments.values()],
            parties: [...this.#parties.values()],
            notices: this.#notices,
            signatures: this.#signatures,
            continuity: this.#continuity,
            records,
            prunedBeforeUnix: this.#prunedBeforeUnix,
        };
    }

    #checkGenesis(): Genesis | null {
        const { genesis } = this.#evidence;
        const pinned = bytesEqual(networkIdOf(genesis), this.#trust.networkId);
        const decoded = decodeGenesis(genesis);
        this.#note(pinned && decoded.ok, "MS_GENESIS", "genesis");
        return pinned && decoded.ok ? decoded.value : null;
    }

    #checkCheckpoint(genesis: Genesis): TreeHead | null {
        const origin = originOf(this.#trust.networkId);
        const trust = { origin, publicKey: genesis.logKey };
        const head = verifyCheckpoint(this.#evidence.checkpoint, trust);
        this.#note(head.ok, "MS_CHECKPOINT", "checkpoint");
        if (!head.ok) return null;
        const { seen } = this.#trust;
        if (seen !== undefined) {
            const where = `checkpoint of size ${head.value.size}, after one of size ${seen.size}`;
            this.#note(this.#hasGrown(seen, head.value), "MS_CHECKPOINT", where);
        }
        return head.value;
    }

    /** True where the log that the reader saw is the beginning of this one. */
    #hasGrown(seen: TreeHead, head: TreeHead): boolean {
        if (seen.size === head.size) return bytesEqual(seen.root, head.root);
        const { growth } = this.#evidence;
        return (
            growth?.fromSize === seen.size &&
            verifyConsistency({
                oldSize: seen.size,
                oldRoot: seen.root,
                newSize: head.size,
                newRoot: head.root,
                path: growth.path,
            })
        );
    }

    #checkEnrolment(leaf: LogLeaf, head: TreeHead, genesis: Genesis): void {
        const entry = this.#checkLeaf(leaf, head);
        const item = entry.ok ? parseItem(entry.value.item) : entry;
        const where = `leaf ${leaf.index}`;
        if (!item.ok || item.value.kind !== "enrolment") {
            this.#note(false, "MS_ENROLMENT", where);
            return;
        }
        const { enrolment } = item.value;
        if (!bytesEqual(enrolment.network, this.#trust.networkId)) {
            this.#note(false, "MS_ENROLMENT", where);
        } else if (this.#checkSignature(enrolment.message, genesis.operator, where)) {
            this.#enrolments.set(toHex(kidOf(enrolment.key)), enrolment);
        }
    }

    /** A party, a notice of a party that stands before it, or a pruning. */
    #checkStatement(leaf: LogLeaf, head: TreeHead, genesis: Genesis): void {
        const entry = this.#checkLeaf(leaf, head);
        const item = entry.ok ? parseItem(entry.value.item) : entry;
        const where = `leaf ${leaf.index}`;
        if (!item.ok || !entry.ok) return;
        const { networkId } = this.#trust;
        if (item.value.kind === "party" && bytesEqual(item.value.party.network, networkId)) {
            const { party } = item.value;
            if (this.#checkSignature(party.message, genesis.operator, where)) {
                this.#parties.set(toHex(kidOf(party.key)), party);
            }
        } else if (
            item.value.kind === "pruning" &&
            bytesEqual(item.value.pruning.network, networkId)
        ) {
            const { pruning } = item.value;
            if (this.#checkSignature(pruning.message, genesis.operator, where)) {
                this.#prunings.push(pruning);
            }
        } else if (
            item.value.kind === "notice" &&
            bytesEqual(item.value.notice.network, networkId)
        ) {
            const { notice } = item.value;
            const signer = this.#parties.get(toHex(notice.message.kid));
            if (signer === undefined || !bytesEqual(signer.id, notice.party)) {
                this.#signatures.faults.push({ error: error("MS_KEY_UNKNOWN", { where }), where });
            } else if (this.#checkSignature(notice.message, signer.key, where)) {
                this.#notices.push({ notice, entryTimeMs: entry.value.timeMs });
            }
        } else this.#note(false, "MS_LOG_LEAF", where);
    }

    #checkVertex(leaf: LogLeaf, head: TreeHead): CheckedVertex {
        const entry = this.#checkLeaf(leaf, head);
        if (!entry.ok) return null;
        const item = parseItem(entry.value.item);
        const where = `leaf ${leaf.index}`;
        if (!item.ok || item.value.kind !== "vertex") {
            this.#note(false, "MS_LOG_LEAF", where);
            return null;
        }
        const { vertex } = item.value;
        this.#note(bytesEqual(vertex.net, this.#trust.networkId), "MS_GENESIS", where);
        const author = this.#enrolments.get(toHex(vertex.message.kid));
        if (author?.role !== ROLE.collector || !bytesEqual(author.id, vertex.author)) {
            this.#signatures.faults.push({ error: error("MS_VERTEX_AUTHOR", { where }), where });
            return null;
        }
        this.#checkSignature(vertex.message, author.key, `vertex ${vertex.id}`);
        return { vertex, timeMs: entry.value.timeMs };
    }

    #checkLeaf(leaf: LogLeaf, head: TreeHead): ReturnType<typeof decodeEntry> {
        const where = `leaf ${leaf.index}`;
        const entry = decodeEntry(leaf.entry);
        if (!entry.ok) {
            this.#note(false, "MS_LOG_LEAF", where);
            return entry;
        }
        const { index, path } = leaf;
        const leafHash = entryLeafHash(entry.value);
        const included = verifyInclusion({
            leafHash,
            index,
            path,
            size: head.size,
            root: head.root,
        });
        this.#note(included, "MS_PROOF", where);
        return included ? entry : fail(error("MS_PROOF", { where }));
    }

    #checkRecord(item: Evidence["records"][number], at: CheckedVertex): MeterRecord | null {
        const parsed = parseRecord(item.bytes);
        if (!parsed.ok) {
            this.#note(false, "MS_MALFORMED", `record at position ${item.position}`);
            return null;
        }
        const record = parsed.value;
        const where = recordName(record);
        const signer = this.#enrolments.get(toHex(record.message.kid));
        const own = signer !== undefined && bytesEqual(signer.id, this.#trust.subject);
        if (own && bytesEqual(record.subject, this.#trust.subject)) {
            this.#checkSignature(record.message, signer.key, where);
        } else this.#signatures.faults.push({ error: error("MS_KEY_UNKNOWN", { where }), where });
        const included =
            at !== null &&
            verifyInclusion({
                leafHash: recordLeafHash(record),
                index: item.position,
                path: item.path,
                size: at.vertex.count,
                root: at.vertex.root,
            });
        this.#note(included, "MS_PROOF", where);
        return record;
    }

    /**
     * Each record names the one before; the first of a key names its enrolment. A stretch begins
     * anywhere, and a chain of which the beginning was pruned where that ends.
     */
    #checkChain(records: readonly CheckedRecord[]): void {
        const { extent = "whole" } = this.#trust;
        if (extent === "single") return;
        if (extent === "whole") this.#prunedBeforeUnix = this.#prunedBefore(records);
        const isCut = extent === "stretch" || this.#prunedBeforeUnix !== null;
        let before: MeterRecord | null = isCut ? (records[0]?.record ?? null) : null;
        for (const { record } of isCut ? records.slice(1) : records) {
            const follows =
                before !== null &&
                before.chainEpoch === record.chainEpoch &&
                record.seq === before.seq + 1 &&
                bytesEqual(record.prev, before.message.hash);
            const links = follows || this.#beginsEpoch(record, before);
            this.#note(links, "MS_CHAIN_MISMATCH", recordName(record));
            before = record;
        }
    }

    /**
     * Instant of a pruning that took what stood before the records: the first usage among them goes on
     * where that ended, so what lacks can only be older. Null where nothing lacks, or no pruning says so.
     * Null also under a key of several streams, which a meter need not send in one order of time: what
     * lacks of one may be younger than where another goes on.
     */
    #prunedBefore(records: readonly CheckedRecord[]): number | null {
        const [first] = records;
        if (first === undefined || this.#beginsEpoch(first.record, null)) return null;
        for (const { record } of records) {
            const usage = record.recordClass === RECORD_CLASS.usage ? usageOf(record) : null;
            if (usage === null || !usage.ok) continue;
            const signer = this.#enrolments.get(toHex(record.message.kid));
            if (signer?.streams.length !== 1) return null;
            const { firstSlot, slotSeconds } = usage.value;
            const lastUnix = unixOfSlot(firstSlot, slotSeconds) - slotSeconds;
            return this.#prunings.find((each) => lastUnix < each.beforeUnix)?.beforeUnix ?? null;
        }
        return null;
    }

    /** True for a record 1 that names its key's enrolment and, in a later epoch, the record before. */
    #beginsEpoch(record: MeterRecord, before: MeterRecord | null): boolean {
        const enrolment = this.#enrolments.get(toHex(record.message.kid));
        if (enrolment === undefined || record.seq !== 1) return false;
        if (before !== null && before.chainEpoch >= record.chainEpoch) return false;
        const anchor = enrolment.message.hash;
        if (!bytesEqual(record.prev, anchor)) return false;
        if (record.chainEpoch === enrolment.epoch) return true;
        const body = record.recordClass === RECORD_CLASS.epoch ? epochOf(record) : null;
        if (body === null || !body.ok || body.value.chainEpoch !== record.chainEpoch - 1)
            return false;
        const last = before?.chainEpoch === body.value.chainEpoch ? before : null;
        return (
            body.value.lastSeq === (last?.seq ?? 0) &&
            bytesEqual(body.value.lastHash, last?.message.hash ?? anchor)
        );
    }

    #checkSignature(message: Sign1, key: PublicKey, where: string): boolean {
        this.#signatures.checked++;
        const valid = verifySign1(message, key);
        if (!valid)
            this.#signatures.faults.push({ error: error("MS_SIGNATURE_BAD", { where }), where });
        return valid;
    }

    #note(holds: boolean, code: MetersealError["code"], where: string): void {
        this.#continuity.checked++;
        if (!holds) this.#continuity.faults.push({ error: error(code, { where }), where });
    }
}
