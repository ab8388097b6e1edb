import {
    bytesEqual,
    error,
    fail,
    type MetersealError,
    type PublicKey,
    toHex,
} from "@meterseal/core";
import {
    type Enrolment,
    kidOf,
    type MeterRecord,
    type Notice,
    type Party,
    type Pruning,
    parseRecord,
    type Revocation,
    ROLE,
    type Sign1,
    verifySign1,
} from "@meterseal/record";
import { recordName } from "../accept/accept.ts";
import { verifyCheckpoint } from "../checkpoint/checkpoint.ts";
import { decodeEntry, entryLeafHash, type LogItem, parseItem } from "../entry.ts";
import { decodeGenesis, type Genesis, networkIdOf, originOf } from "../genesis.ts";
import { verifyConsistency, verifyInclusion } from "../merkle/verify.ts";
import type { TreeHead } from "../ports.ts";
import { recordLeafHash } from "../vertex/body.ts";
import type { Vertex } from "../vertex/vertex.ts";
import { checkChain } from "./chain.ts";
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

type CheckedVertex = { vertex: Vertex; index: number; timeMs: number } | null;

class EvidenceCheck {
    readonly #evidence: Evidence;
    readonly #trust: EvidenceTrust;
    readonly #signatures = { checked: 0, faults: [] as Fault[] };
    readonly #continuity = { checked: 0, faults: [] as Fault[] };
    readonly #enrolments = new Map<string, Enrolment>();
    /** Those of the subject's own keys. */
    readonly #own: Enrolment[] = [];
    readonly #parties = new Map<string, Party>();
    readonly #notices: CheckedNotice[] = [];
    readonly #prunings: Pruning[] = [];
    /** Log index of the entry that removed the subject; infinite where none is here. */
    #removedAt = Number.POSITIVE_INFINITY;
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
            this.#checkChain(records.map(({ record }) => record));
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
            if (bytesEqual(enrolment.id, this.#trust.subject)) this.#own.push(enrolment);
        }
    }

    /** A party, a pruning or a removal, or a notice of a party that stands before it. */
    #checkStatement(leaf: LogLeaf, head: TreeHead, genesis: Genesis): void {
        const entry = this.#checkLeaf(leaf, head);
        const item = entry.ok ? parseItem(entry.value.item) : entry;
        const where = `leaf ${leaf.index}`;
        if (!item.ok || !entry.ok) return;
        const said = statementOf(item.value);
        if (said === null || !bytesEqual(said.network, this.#trust.networkId)) {
            this.#note(false, "MS_LOG_LEAF", where);
        } else if (item.value.kind === "notice") {
            this.#checkNotice(item.value.notice, entry.value.timeMs, where);
        } else if (this.#checkSignature(said.message, genesis.operator, where)) {
            this.#takeStatement(item.value, leaf.index);
        }
    }

    #checkNotice(notice: Notice, entryTimeMs: number, where: string): void {
        const signer = this.#parties.get(toHex(notice.message.kid));
        if (signer === undefined || !bytesEqual(signer.id, notice.party)) {
            this.#signatures.faults.push({ error: error("MS_KEY_UNKNOWN", { where }), where });
        } else if (this.#checkSignature(notice.message, signer.key, where)) {
            this.#notices.push({ notice, entryTimeMs });
        }
    }

    /** Takes what the operator signed. */
    #takeStatement(item: LogItem, index: number): void {
        if (item.kind === "party") this.#parties.set(toHex(kidOf(item.party.key)), item.party);
        if (item.kind === "pruning") this.#prunings.push(item.pruning);
        if (item.kind === "revocation" && bytesEqual(item.revocation.id, this.#trust.subject)) {
            this.#removedAt = Math.min(this.#removedAt, index);
        }
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
        return { vertex, index: leaf.index, timeMs: entry.value.timeMs };
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
        const got = own ? this.#refusalOf(record, signer, at) : null;
        if (got !== null) {
            this.#continuity.faults.push({ error: error("MS_FROZEN", { where, got }), where });
        }
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

    /** Why the ledger has refused a record, as its place alone shows; null where that shows nothing. */
    #refusalOf({ chainEpoch }: MeterRecord, by: Enrolment, at: CheckedVertex): string | null {
        if (at !== null && at.index > this.#removedAt) return "a record after the meter's removal";
        const isOwnEpoch =
            chainEpoch >= by.epoch &&
            this.#own.every(({ epoch }) => epoch <= by.epoch || chainEpoch < epoch);
        return isOwnEpoch ? null : "another key's epoch";
    }

    #checkChain(records: readonly MeterRecord[]): void {
        const { extent = "whole" } = this.#trust;
        if (extent === "single") return;
        const basis = { enrolments: this.#enrolments, prunings: this.#prunings };
        const note = this.#note.bind(this);
        this.#prunedBeforeUnix = checkChain(records, extent, basis, note);
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

function statementOf(item: LogItem): Notice | Party | Pruning | Revocation | null {
    switch (item.kind) {
        case "party":
            return item.party;
        case "pruning":
            return item.pruning;
        case "revocation":
            return item.revocation;
        case "notice":
            return item.notice;
        default:
            return null;
    }
}
