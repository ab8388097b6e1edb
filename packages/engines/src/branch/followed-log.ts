import {
    bytesEqual,
    error,
    type MetersealError,
    type PublicKey,
    type SignatureJob,
    toHex,
    unwrap,
} from "@meterseal/core";
import {
    accept,
    type BranchStore,
    bodyFault,
    type CheckpointTrust,
    type Entry,
    entryLeafHash,
    type FollowedEntry,
    type LedgerState,
    type LogPage,
    MerkleLog,
    originOf,
    parseEntry,
    parseStoredEntry,
    type RecordOutcome,
    readCheckpoint,
    type SentEntry,
    stateOfGenesis,
    TreeGrowth,
    type TreeHead,
    verifyCheckpoint,
} from "@meterseal/ledger";
import { kidOf, type Sign1, verifySign1 } from "@meterseal/record";
import { jobOf, type Signed, signaturesOf, type VerifySignatures } from "../signature-jobs.ts";
import { parseBody } from "./screen.ts";

/** What somebody did who signs the log, or writes it: kept for whoever judges. */
export type LogEvidence =
    /** Two checkpoints of one size and different roots, both signed by the log. */
    | { readonly kind: "split view"; readonly ours: string; readonly theirs: string }
    /** An entry that the rules refuse, under a signed checkpoint. */
    | { readonly kind: "refused entry"; readonly entry: SentEntry; readonly code: string };

/** An entry that was taken in, at its place. */
export type FollowedItem = {
    readonly entry: Entry;
    readonly timeMs: number;
    readonly leafIndex: number;
    readonly outcomes: readonly RecordOutcome[];
};

/** What became of a page. */
export type PageOutcome =
    | { readonly kind: "taken"; readonly items: readonly FollowedItem[] }
    /** The log itself is at fault: nothing more is taken from it. */
    | { readonly kind: "evidence"; readonly evidence: LogEvidence }
    /** Whoever sent it is: another one may send the right page. */
    | { readonly kind: "foreign"; readonly reason: MetersealError };

type Checked = { readonly entry: Entry; readonly sent: SentEntry; readonly size: number };

/**
 * A log that somebody else writes, held as if it were ours: an entry goes in when the signed
 * checkpoint over it fits our own tree, its signatures hold, and `accept()` takes it.
 */
export class FollowedLog {
    readonly state: LedgerState;
    readonly log: MerkleLog;
    readonly trust: CheckpointTrust;
    readonly #store: BranchStore;
    readonly #verify: VerifySignatures;
    readonly #verified = new WeakSet<Sign1>();

    private constructor(state: LedgerState, store: BranchStore, verify: VerifySignatures) {
        this.state = state;
        this.log = new MerkleLog();
        this.trust = { origin: originOf(state.networkId), publicKey: state.genesis.logKey };
        this.#store = store;
        this.#verify = verify;
    }

    /**
     * Replays what the store has and compares it with its last checkpoint.
     * @param onItem told of each entry in order, with the tree head that the store claims.
     * @throws MetersealError MS_GENESIS, MS_CHECKPOINT, and what a damaged store is refused with.
     */
    static async open(
        store: BranchStore,
        verify: VerifySignatures,
        onItem: (item: FollowedItem, head: TreeHead) => void,
    ): Promise<FollowedLog> {
        const genesis = await store.genesis();
        if (genesis === null) throw error("MS_GENESIS", { where: "store", got: "no genesis" });
        const followed = new FollowedLog(unwrap(stateOfGenesis(genesis)), store, verify);
        const { log, state, trust } = followed;
        const note = await store.checkpoint();
        const head: TreeHead =
            note === null ? { size: 0, root: log.root() } : unwrap(verifyCheckpoint(note, trust));
        for await (const { body, item, timeMs } of store.entries(0)) {
            const entry = unwrap(parseStoredEntry(item, body));
            const { outcomes } = unwrap(accept(state, entry, timeMs, () => true));
            const leafIndex = log.append(entryLeafHash({ timeMs, item }));
            onItem({ entry, timeMs, leafIndex, outcomes }, head);
        }
        const isWhole = head.size === log.size && bytesEqual(head.root, log.root());
        if (!isWhole) throw error("MS_CHECKPOINT", { where: `size ${log.size}` });
        return followed;
    }

    head(): TreeHead {
        return { size: this.log.size, root: this.log.root() };
    }

    /** Marks a message whose signature was checked, so that it is not checked twice. */
    markVerified(message: Sign1): void {
        this.#verified.add(message);
    }

    /**
     * Takes the entries of a page in, which begin at an index; durable when the promise resolves.
     * @param isKnown true for a vertex whose records were checked when it came from its author.
     * @throws what the store fails with: memory is ahead of the disk then.
     */
    async take(
        page: LogPage,
        fromIndex: number,
        isKnown: (name: string) => boolean,
    ): Promise<PageOutcome> {
        const news = page.entries.slice(Math.max(0, this.log.size - fromIndex));
        if (fromIndex > this.log.size) return foreign("MS_LOG_LEAF", `leaf ${fromIndex}`);
        const checked: Checked[] = [];
        const checks: SignatureJob[] = [];
        const growth = new TreeGrowth(this.log);
        for (const sent of news) {
            const size = this.log.size + checked.length + 1;
            const root = growth.append(entryLeafHash(sent));
            const stated = readCheckpoint(sent.checkpoint, this.trust);
            if (!stated.ok) return { kind: "foreign", reason: stated.error };
            const { head } = stated.value;
            if (head.size !== size || !bytesEqual(head.root, root)) {
                return foreign("MS_CHECKPOINT", `size ${size}`, `root ${toHex(root)}`);
            }
            checks.push(...stated.value.checks);
            const entry = parseSent(sent);
            if (entry instanceof Error) return { kind: "foreign", reason: entry };
            checked.push({ entry, sent, size });
        }
        const verdicts = await this.#verify(checks);
        if (!verdicts.every(Boolean)) {
            return foreign("MS_CHECKPOINT", "checkpoint", "a signature by the log's key");
        }
        await this.#verifyAhead(checked, isKnown);
        return await this.#apply(checked);
    }

    /** Compares a signed checkpoint with ours of its size; null where both can be true. */
    async compare(theirs: string): Promise<LogEvidence | null> {
        const stated = verifyCheckpoint(theirs, this.trust);
        if (!stated.ok || stated.value.size > this.log.size || stated.value.size === 0) return null;
        if (bytesEqual(stated.value.root, this.log.root(stated.value.size))) return null;
        const ours = await this.#store.checkpointOf(stated.value.size);
        return ours === null ? null : { kind: "split view", ours, theirs };
    }

    async #apply(checked: readonly Checked[]): Promise<PageOutcome> {
        const items: FollowedItem[] = [];
        const rows: FollowedEntry[] = [];
        let evidence: LogEvidence | null = null;
        for (const { entry, sent, size } of checked) {
            const { checkpoint, item, timeMs } = sent;
            const accepted = accept(this.state, entry, timeMs, this.#check);
            if (!accepted.ok) {
                evidence = { kind: "refused entry", entry: sent, code: accepted.error.code };
                break;
            }
            const logged = { timeMs, item };
            const leafIndex = this.log.append(entryLeafHash(logged));
            items.push({ entry, timeMs, leafIndex, outcomes: accepted.value.outcomes });
            const isVertex = entry.kind === "vertex";
            rows.push({
                ...{ entry: logged, checkpoint, size },
                vertexId: isVertex ? entry.vertex.id.bytes : null,
                records: isVertex ? entry.records : [],
            });
        }
        if (rows.length > 0) await this.#store.followLog(rows);
        if (evidence !== null && items.length === 0) return { kind: "evidence", evidence };
        return { kind: "taken", items }; // the faulty entry is met again at the front of the next page
    }

    /** Checks in threads what keys of the present state have signed; `accept()` checks the rest. */
    async #verifyAhead(
        checked: readonly Checked[],
        isKnown: (name: string) => boolean,
    ): Promise<void> {
        const messages: Sign1[] = [];
        const jobs: SignatureJob[] = [];
        const add = ({ key, message }: Signed): void => {
            if (key === undefined || !bytesEqual(message.kid, kidOf(key))) return;
            messages.push(message);
            jobs.push(jobOf(message, key));
        };
        for (const { entry } of checked) {
            const [own, ...records] = signaturesOf(this.state, entry);
            if (own !== undefined) add(own);
            const known = entry.kind === "vertex" && isKnown(entry.vertex.id.toString());
            for (const signed of records) {
                if (known) this.#verified.add(signed.message);
                else add(signed);
            }
        }
        const verdicts = await this.#verify(jobs);
        for (const [i, message] of messages.entries()) {
            if (verdicts[i] === true) this.#verified.add(message);
        }
    }

    readonly #check = (message: Sign1, key: PublicKey): boolean =>
        this.#verified.has(message) || verifySign1(message, key);
}

/** Entry of what was sent; its body must be the one that a vertex names. */
function parseSent({ body, item }: SentEntry): Entry | MetersealError {
    const parsed = parseEntry(item, []);
    if (!parsed.ok) return parsed.error;
    if (parsed.value.kind !== "vertex") {
        return body.length === 0 ? parsed.value : error("MS_LOG_LEAF", { got: "a body" });
    }
    const records = parseBody(body);
    if (!records.ok) return records.error;
    const fault = bodyFault(parsed.value.vertex, records.value);
    return fault ?? { ...parsed.value, records: Object.freeze(records.value) };
}

function foreign(
    code: "MS_CHECKPOINT" | "MS_LOG_LEAF",
    where: string,
    expected?: string,
): PageOutcome {
    const reason = error(code, { where, ...(expected === undefined ? {} : { expected }) });
    return { kind: "foreign", reason };
}
