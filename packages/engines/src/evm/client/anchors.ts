import { bytesEqual, error, type MetersealError, sha256, utf8 } from "@meterseal/core";
import type { TreeHead } from "@meterseal/ledger";
import { CONTRACTS, decodeAnswer, decodeRefusal, encodeCall, encodeEvmCall } from "../contracts.ts";
import { type Address, bytesOf, type Hex, hexOf, isHex } from "../hex.ts";
import type { EvmRpc } from "../rpc.ts";
import { errorOfRefusal } from "../rules/refusal.ts";
import { acceptAnchor, type EvmHead, type RootAnchorCall } from "../rules/root-anchor.ts";
import type { MinedTransaction } from "./chain.ts";
import { type SenderOptions, TransactionSender } from "./sender.ts";

const PROFILE = "root-anchor";
const CONTRACT = CONTRACTS[PROFILE];

/** Where anchors of a log are. */
export type AnchorPlace = {
    readonly chainId: number;
    readonly contract: Address;
    /** Origin line of the log's checkpoints. */
    readonly origin: string;
};

/** Name of a log on the chain: SHA-256 of the origin line of its checkpoints. */
export function logName(origin: string): Hex {
    return hexOf(sha256(utf8(origin)));
}

/**
 * Checks that a node is of a chain.
 * @throws MetersealError MS_EVM_CHAIN, MS_LINK
 */
export async function requireChain(rpc: EvmRpc, chainId: number): Promise<void> {
    const found = await rpc.quantity("eth_chainId", []);
    if (found === BigInt(chainId)) return;
    throw error("MS_EVM_CHAIN", {
        where: rpc.place,
        expected: `chain ${chainId}`,
        got: `chain ${found}`,
    });
}

/**
 * Checks that the contract of anchored roots, and no other code, stands at an address.
 * @throws MetersealError MS_EVM_CHAIN, MS_LINK
 */
export async function requireAnchorContract(rpc: EvmRpc, contract: Address): Promise<void> {
    const code = await rpc.query("eth_getCode", [contract, "latest"]);
    if (code === CONTRACT.runtime) return;
    throw error("MS_EVM_CHAIN", {
        where: `${rpc.place} ${contract}`,
        expected: "the contract RootAnchor",
        got: code === "0x" ? "no contract" : "other code",
    });
}

/** Last anchored tree head of a log, and who may anchor the next; as of the last block. */
export async function readAnchor(
    rpc: EvmRpc,
    contract: Address,
    log: Hex,
): Promise<EvmHead & { readonly proposed: Address }> {
    const head = await view(rpc, contract, "headOf", { log });
    const proposed = await view(rpc, contract, "proposedOwner", { log });
    const { owner, root, size } = head as { owner: string; root: Uint8Array; size: bigint };
    return {
        owner: owner.toLowerCase() as Address,
        size: Number(size),
        root: hexOf(root),
        proposed: String(proposed).toLowerCase() as Address,
    };
}

async function view(
    rpc: EvmRpc,
    to: Address,
    name: string,
    args: Readonly<Record<string, unknown>>,
): Promise<unknown> {
    const call = { to, data: encodeCall(CONTRACT, name, args) };
    const answer = await rpc.query("eth_call", [call, "latest"]);
    if (!isHex(answer)) throw error("MS_LINK", { where: `${rpc.place} eth_call` });
    return decodeAnswer(CONTRACT, name, answer);
}

/** What came of a tree head that was to be anchored. */
export type AnchorOutcome =
    /** It stands on the chain since this transaction. */
    | { readonly kind: "anchored"; readonly mined: MinedTransaction }
    /** The chain holds it, or a larger tree of the same log, already. */
    | { readonly kind: "present"; readonly size: number };

/** What writes the tree heads of one log to one contract. */
export type AnchorWriterOptions = SenderOptions & {
    readonly place: AnchorPlace;
    /** Root of our own log at a size; null where it is not known, and so not compared. */
    readonly rootAt: (size: number) => Promise<Uint8Array | null>;
};

/**
 * Writes tree heads of a log to the contract of anchored roots. The chain is looked at first and
 * decides: what stands there is not written again, whatever this process remembers.
 */
export class AnchorWriter {
    readonly #options: AnchorWriterOptions;
    readonly #sender: TransactionSender;
    readonly #log: Hex;

    constructor(options: AnchorWriterOptions) {
        this.#options = options;
        this.#sender = new TransactionSender(options);
        this.#log = logName(options.place.origin);
    }

    /**
     * Anchors a tree head, after what is under way since before.
     * @throws MetersealError MS_EVM_CHAIN for another chain or contract; MS_NOT_ALLOWED for an account
     * that does not own the log; MS_ANCHOR where the chain holds a root that our log never had;
     * MS_EVM_FEE, MS_LINK; MS_BUSY where the next call may see more: a transaction is under way, or the
     * node answers as of an older block than the one that has it.
     */
    async anchor(head: TreeHead): Promise<AnchorOutcome> {
        const { place, rpc } = this.#options;
        await requireChain(rpc, place.chainId);
        await requireAnchorContract(rpc, place.contract);
        await this.#leaveToOthers();
        const earlier = await this.#sender.settle();
        const found = await this.#acceptIfProposed();
        await this.#requireOurs(found, head);
        const root = hexOf(head.root);
        if (earlier?.isTaken === true && found.size === head.size) {
            return { kind: "anchored", mined: earlier };
        }
        if (found.size >= head.size) return { kind: "present", size: found.size };
        const call = { call: "anchor", log: this.#log, size: head.size, root } as const;
        const next = { ...call, previousRoot: found.root };
        const verdict = acceptAnchor(found, this.#options.signer.address, next);
        if (!verdict.ok) throw errorOfRefusal(verdict.refusal);
        const mined = await this.#send(`the anchor of ${head.size} entries`, next);
        const now = await readAnchor(rpc, place.contract, this.#log);
        if (mined.isTaken && now.size >= head.size) return { kind: "anchored", mined };
        if (now.size === head.size && now.root === root) return { kind: "present", size: now.size };
        if (mined.isTaken) throw moved(rpc.place);
        throw error("MS_ANCHOR", {
            where: `chain ${place.chainId}`,
            expected: `${head.size} entries under ${root}`,
            got: `${now.size} entries under ${now.root}`,
        });
    }

    /**
     * Forgets the transaction that another account signed, once the contract would refuse it: who holds
     * the log now cannot make it pay more, and would wait for it for ever.
     */
    async #leaveToOthers(): Promise<void> {
        const { pending, place, rpc, say, signer } = this.#options;
        const kept = pending.load();
        if (kept === null || kept.from === signer.address) return;
        const { owner, proposed } = await readAnchor(rpc, place.contract, this.#log);
        if (owner === kept.from && proposed !== signer.address) return;
        say?.(`${kept.purpose}, which ${kept.from} signed, is left: the log is another account's`);
        pending.save(null);
    }

    /** Takes the log over where it was proposed to this account: the second of the two steps. */
    async #acceptIfProposed(): Promise<EvmHead> {
        const { place, rpc, signer } = this.#options;
        const found = await readAnchor(rpc, place.contract, this.#log);
        if (found.owner === signer.address || found.proposed !== signer.address) return found;
        const mined = await this.#send("taking over the log", {
            call: "acceptLog",
            log: this.#log,
        });
        const now = await readAnchor(rpc, place.contract, this.#log);
        if (mined.isTaken && now.owner !== signer.address) throw moved(rpc.place);
        return now;
    }

    /** Nothing is written behind a root that our log never had: that is for people to look at. */
    async #requireOurs(found: EvmHead, head: TreeHead): Promise<void> {
        if (found.size === 0) return;
        const { place, rootAt, say } = this.#options;
        const ours = found.size === head.size ? head.root : await rootAt(found.size);
        if (ours === null) {
            say?.(
                `the root of ${found.size} entries on the chain was not compared: ours is not known`,
            );
            return;
        }
        if (bytesEqual(ours, bytesOf(found.root))) return;
        throw error("MS_ANCHOR", {
            where: `chain ${place.chainId}, ${found.size} entries`,
            expected: hexOf(ours),
            got: found.root,
        });
    }

    #send(purpose: string, call: RootAnchorCall): Promise<MinedTransaction> {
        const { contract } = this.#options.place;
        const data = encodeEvmCall(PROFILE, call);
        return this.#sender.send({ purpose, to: contract, data }, (refused, message) => {
            const refusal = refused === null ? null : decodeRefusal(PROFILE, refused);
            // It holds for the head that was read: another one is the last by now.
            if (refusal?.name === "BadParent" || refusal?.name === "NotAppended") {
                return moved(this.#options.rpc.place);
            }
            return revertError(refused, message);
        });
    }
}

/** The chain did not show to one call what it showed to another. */
function moved(where: string): MetersealError {
    const got = "a head of the log as of another block";
    return error("MS_BUSY", { where, got, todo: "The next run looks again." });
}

/**
 * Deploys the contract of anchored roots, proposes the owner of a log, and accepts where that is the
 * account itself.
 * @returns the contract's address.
 * @throws MetersealError MS_EVM_CHAIN, MS_EVM_FEE, MS_LINK, MS_BUSY
 */
export async function deployAnchors(
    options: SenderOptions,
    { origin, owner }: { readonly origin: string; readonly owner: Address },
): Promise<Address> {
    await requireChain(options.rpc, options.chainId);
    const sender = new TransactionSender(options);
    const log = logName(origin);
    const made = await sender.send(
        { purpose: "the contract", to: null, data: CONTRACT.bytecode },
        revertError,
    );
    const { contract } = made;
    if (contract === null || !made.isTaken) {
        throw error("MS_EVM_CHAIN", { where: options.rpc.place, got: "no contract was made" });
    }
    const calls: [string, RootAnchorCall][] = [
        ["the log's owner", { call: "proposeLogOwner", log, owner }],
    ];
    if (owner === options.signer.address) {
        calls.push(["taking over the log", { call: "acceptLog", log }]);
    }
    for (const [purpose, call] of calls) {
        const data = encodeEvmCall(PROFILE, call);
        const mined = await sender.send({ purpose, to: contract, data }, revertError);
        if (!mined.isTaken) throw error("MS_EVM_CHAIN", { got: `${purpose} was refused` });
    }
    return contract;
}

function revertError(data: Hex | null, message: string): MetersealError {
    const refusal = data === null ? null : decodeRefusal(PROFILE, data);
    if (refusal !== null) return errorOfRefusal(refusal);
    if (/insufficient/i.test(message)) return error("MS_EVM_FEE", { got: message });
    return error("MS_EVM_CHAIN", { expected: "a call that the contract takes", got: message });
}
