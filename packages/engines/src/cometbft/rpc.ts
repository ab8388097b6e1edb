import { error, fromBase64, toHex } from "@meterseal/core";
import type { JsonDoubleVote } from "./commits/double-vote.ts";
import { encodeSignedHeader, type JsonSignedHeader } from "./commits/signed-header.ts";
import type { Validator } from "./validators.ts";

/** Answer of a node to a transaction: taken into its mempool, or not and why. */
export type BroadcastAnswer =
    | { readonly kind: "taken" }
    /** The mempool has it already, or had it in a block. */
    | { readonly kind: "known" }
    /** Our own CheckTx refused it, with one of our codes. */
    | { readonly kind: "refused"; readonly code: string };

/** Largest answer that is read. */
const ANSWER_BYTES = 1_048_576;
/** Largest answer with a whole block: 16 MiB in base64, and what is around it. */
const BLOCK_BYTES = 33_554_432;
/** Validators in one answer. */
const PAGE = 100;
const FORM = "application/x-www-form-urlencoded";
const KNOWN = /already exists in cache/;

/** JSON-RPC of a CometBFT node on this machine. */
export class CometRpc {
    readonly #url: string;
    readonly #timeoutMs: number;

    /**
     * @param url - of the node's RPC, such as http://127.0.0.1:26657.
     * @param timeoutMs - longest time for one call.
     */
    constructor(url: string, timeoutMs: number) {
        this.#url = url;
        this.#timeoutMs = timeoutMs;
    }

    /**
     * Offers a transaction to the node (`broadcast_tx_sync`), as a form: its parser of JSON goes over
     * the text six times and takes half of what a transaction costs the node.
     * @throws MetersealError MS_LINK where the node is not reached or has no room.
     */
    async broadcast(tx: Uint8Array): Promise<BroadcastAnswer> {
        const form = { path: "/broadcast_tx_sync", type: FORM, body: `tx=0x${toHex(tx)}` };
        const answer = await this.#post(form, ANSWER_BYTES);
        if (answer.error !== undefined) {
            const got = `${answer.error.message ?? ""} ${answer.error.data ?? ""}`.trim();
            if (KNOWN.test(got)) return { kind: "known" };
            throw error("MS_LINK", { where: "CometBFT", got: got.slice(0, 200) });
        }
        const { code = 0, log = "" } = (answer.result ?? {}) as { code?: number; log?: string };
        return code === 0 ? { kind: "taken" } : { kind: "refused", code: log };
    }

    /** Signed header of a height, as protobuf. */
    async signedHeader(height: number): Promise<Uint8Array> {
        const answer = await this.query("commit", { height: `${height}` });
        return encodeSignedHeader((answer as { signed_header: JsonSignedHeader }).signed_header);
    }

    /** Validators who were to sign a height. */
    async validators(height: number): Promise<Validator[]> {
        const found: Validator[] = [];
        for (let page = 1; ; page++) {
            const at = { height: `${height}`, page: `${page}`, per_page: `${PAGE}` };
            const answer = (await this.query("validators", at)) as ValidatorsAnswer;
            for (const { pub_key: key, voting_power: power } of answer.validators) {
                found.push({ publicKey: fromBase64(key.value), power: BigInt(power) });
            }
            if (found.length >= Number(answer.total) || answer.validators.length === 0)
                return found;
        }
    }

    /** Votes against which a block carries evidence, and the id of the chain. */
    async doubleVotes(
        height: number,
    ): Promise<{ readonly chainId: string; readonly votes: readonly JsonDoubleVote[] }> {
        const answer = (await this.query("block", { height: `${height}` }, BLOCK_BYTES)) as {
            block: {
                header: { chain_id: string };
                evidence: { evidence: readonly { type: string; value: JsonDoubleVote }[] };
            };
        };
        const { evidence, header } = answer.block;
        const votes = evidence.evidence
            .filter(({ type }) => type === "tendermint/DuplicateVoteEvidence")
            .map(({ value }) => value);
        return { chainId: header.chain_id, votes };
    }

    /** Height of the node's last block, and whether it is still catching up. */
    async status(): Promise<{ readonly height: number; readonly isCatchingUp: boolean }> {
        const { result } = await this.#call("status", {});
        const { sync_info: sync } = result as {
            sync_info: { latest_block_height: string; catching_up: boolean };
        };
        return { height: Number(sync.latest_block_height), isCatchingUp: sync.catching_up };
    }

    /** Result of any method, as JSON. */
    async query(
        method: string,
        params: Readonly<Record<string, unknown>>,
        maxBytes: number = ANSWER_BYTES,
    ): Promise<unknown> {
        const answer = await this.#call(method, params, maxBytes);
        if (answer.error === undefined) return answer.result;
        const got = `${answer.error.message ?? ""} ${answer.error.data ?? ""}`.trim();
        throw error("MS_LINK", { where: `CometBFT ${method}`, got: got.slice(0, 200) });
    }

    #call(
        method: string,
        params: Readonly<Record<string, unknown>>,
        maxBytes: number = ANSWER_BYTES,
    ): Promise<RpcAnswer> {
        const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
        return this.#post({ path: "/", type: "application/json", body }, maxBytes);
    }

    async #post(
        {
            body,
            path,
            type,
        }: { readonly path: string; readonly type: string; readonly body: string },
        maxBytes: number,
    ): Promise<RpcAnswer> {
        try {
            const response = await fetch(new URL(path, this.#url), {
                method: "POST",
                headers: { "content-type": type },
                body,
                signal: AbortSignal.timeout(this.#timeoutMs),
            });
            const text = await response.text();
            if (text.length > maxBytes) throw new Error(`an answer above ${maxBytes} bytes`);
            return JSON.parse(text) as RpcAnswer;
        } catch (cause) {
            const got = cause instanceof Error ? cause.message : String(cause);
            throw error("MS_LINK", { where: "CometBFT", got, cause });
        }
    }
}

type ValidatorsAnswer = {
    readonly validators: readonly {
        readonly pub_key: { readonly value: string };
        readonly voting_power: string;
    }[];
    readonly total: string;
};

type RpcAnswer = {
    readonly result?: unknown;
    readonly error?: { readonly message?: string; readonly data?: string };
};
