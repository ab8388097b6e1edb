import { readFileSync } from "node:fs";
import { fromHex, type Signer, sha256, toBase64, toHex } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    decodeContradiction,
    encodeContradiction,
    type LedgerState,
    MerkleLog,
} from "@meterseal/ledger";
import { TestNetwork } from "@meterseal/testkit/records";
import { SignedHeader } from "cosmjs-types/tendermint/types/types";
import { beforeAll, describe, expect, it } from "vitest";
import { appHashOf } from "../src/cometbft/app-hash.ts";
import type { ProofPoint } from "../src/cometbft/application.ts";
import { checkAgreed, checkCommits } from "../src/cometbft/commits/check.ts";
import {
    type CommitChain,
    decodeCommitChain,
    encodeCommitChain,
} from "../src/cometbft/commits/commit-chain.ts";
import { checkDoubleVote, doubleVoteOf } from "../src/cometbft/commits/double-vote.ts";
import { type CommitSource, keepCommits } from "../src/cometbft/commits/keeper.ts";
import {
    addressOf,
    blockIdOf,
    commitSignBytes,
    headerHash,
    timeOf,
    validatorsHash,
    voteSignBytes,
} from "../src/cometbft/commits/signed-header.ts";
import { type Validator, ValidatorSet } from "../src/cometbft/validators.ts";

/** What four real nodes signed, as a server kept it. */
const REAL = new URL("../../../vectors/ledger/cometbft-commits.json", import.meta.url);
const realCommits = (): Uint8Array =>
    fromHex((JSON.parse(readFileSync(REAL, "utf8")) as { hex: string }).hex);

type Key = Validator & { readonly signer: Signer };

const network = new TestNetwork("commits");
const keys: Key[] = [];
let state: LedgerState;

beforeAll(() => {
    for (let i = 0; i < 5; i++) {
        const signer = signerFromPem(generatePrivateKeyPem("edDsa"));
        if (!("x" in signer.publicKey) || "y" in signer.publicKey)
            throw new Error("no Ed25519 key");
        keys.push({ signer, publicKey: signer.publicKey.x, power: 10n });
    }
    state = network.state();
});

/** Which sets sign and follow at a height, and who signs. */
type Plan = {
    readonly set: Key[];
    readonly next: Key[];
    readonly by?: Key[];
    readonly chainId?: string;
};

const plain = (set: readonly Key[]): Validator[] =>
    set.map(({ power, publicKey }) => ({ power, publicKey }));

async function signed(
    height: number,
    { by, chainId = "test", next, set }: Plan,
): Promise<Uint8Array> {
    const hash = (text: string): Uint8Array => sha256(new TextEncoder().encode(text));
    const time = { seconds: 1_700_000_000n + BigInt(height), nanos: 5 };
    const header = {
        version: { block: 11n, app: 0n },
        ...{ chainId, height: BigInt(height), time },
        lastBlockId: { hash: hash("last"), partSetHeader: { total: 1, hash: hash("part") } },
        lastCommitHash: hash("commit"),
        dataHash: hash("data"),
        validatorsHash: validatorsHash(set),
        nextValidatorsHash: validatorsHash(next),
        consensusHash: hash("consensus"),
        appHash: appHashOf(state, new MerkleLog(), new ValidatorSet(plain(next))),
        lastResultsHash: hash("results"),
        evidenceHash: hash("evidence"),
        proposerAddress: addressOf(set[0] as Key),
    };
    const blockId = { hash: headerHash(header), partSetHeader: { total: 1, hash: hash("parts") } };
    const commit = { height: header.height, round: 1, blockId, signatures: [] };
    const signatures = [];
    for (const key of set) {
        const signs = (by ?? set).includes(key);
        const message = commitSignBytes({ header, commit }, time, true);
        signatures.push({
            blockIdFlag: signs ? 2 : 1,
            validatorAddress: signs ? addressOf(key) : new Uint8Array(),
            timestamp: signs ? time : { seconds: -62_135_596_800n, nanos: 0 },
            signature: signs ? new Uint8Array(await key.signer.sign(message)) : new Uint8Array(),
        });
    }
    return SignedHeader.encode({ header, commit: { ...commit, signatures } }).finish();
}

async function chainOf(
    ...plans: readonly (Plan & { readonly height: number })[]
): Promise<CommitChain> {
    const links = [];
    for (const { height, ...plan } of plans) {
        links.push({ signedHeader: await signed(height, plan), validators: plain(plan.set) });
    }
    return { links, size: 0, validators: plain(plans.at(-1)?.next ?? []) };
}

const codeOf = (chain: CommitChain): string => {
    const checked = checkCommits(encodeCommitChain(chain));
    return checked.ok ? "ok" : checked.error.code;
};

describe("what CometBFT's validators signed", () => {
    it("holds as four real nodes signed it, and not with any byte changed", () => {
        const bytes = realCommits();
        const checked = checkCommits(bytes);
        if (!checked.ok) throw checked.error;
        expect(checked.value).toMatchObject({ height: 10, size: 10, signed: 3, of: 4, changes: 0 });
        const missed: number[] = [];
        for (let at = 0; at < bytes.length; at++) {
            const copy = bytes.slice();
            copy[at] = (copy[at] as number) ^ 1;
            const again = checkCommits(copy);
            if (again.ok && again.value.size === checked.value.size) missed.push(at);
        }
        expect(missed).toEqual([]);
    });

    it("is the state that a replay gives, or is refused", async () => {
        const set = keys.slice(0, 4);
        const chain = await chainOf({ height: 7, set, next: set });
        const checked = checkCommits(encodeCommitChain(chain));
        if (!checked.ok) throw checked.error;
        expect(checkAgreed(checked.value, state, new MerkleLog())).toBeNull();
        const other = MerkleLog.of([new Uint8Array(32)]);
        expect(checkAgreed(checked.value, state, other)).toMatchObject({ code: "MS_COMMIT" });
    });

    it("needs more than two thirds of the power, from the set of the header", async () => {
        const set = keys.slice(0, 4);
        const [a, b, c, , stranger] = keys as [Key, Key, Key, Key, Key];
        const at = { height: 7, set, next: set };
        expect(codeOf(await chainOf({ ...at, by: [a, b, c] }))).toBe("ok");
        expect(codeOf(await chainOf({ ...at, by: [a, b] }))).toBe("MS_COMMIT");
        const good = await chainOf(at);
        const [link] = good.links;
        if (link === undefined) throw new Error("no link");
        for (const validators of [plain([a, b, c]), plain([a, b, c, stranger])]) {
            expect(codeOf({ ...good, links: [{ ...link, validators }] })).toBe("MS_COMMIT");
            expect(codeOf({ ...good, validators })).toBe("MS_COMMIT");
        }
        const twice = SignedHeader.decode(link.signedHeader);
        const { commit } = twice;
        if (commit === undefined) throw new Error("no commit");
        commit.signatures = [0, 0, 0, 0].flatMap((i) => commit.signatures[i] ?? []);
        const signedHeader = SignedHeader.encode(twice).finish();
        expect(codeOf({ ...good, links: [{ ...link, signedHeader }] })).toBe("MS_COMMIT");
        expect(codeOf({ ...good, links: [] })).toBe("MS_COMMIT");
    });

    it("follows a change of the validators, and nobody who was not named", async () => {
        const [first, second, foreign] = [keys.slice(0, 4), keys.slice(0, 3), keys.slice(1, 5)];
        const change = { height: 5, set: first, next: second };
        expect(codeOf(await chainOf(change, { height: 9, set: second, next: second }))).toBe("ok");
        expect(codeOf(await chainOf(change, { height: 9, set: foreign, next: foreign }))).toBe(
            "MS_COMMIT",
        );
        expect(codeOf(await chainOf(change, { height: 5, set: second, next: second }))).toBe(
            "MS_COMMIT",
        );
        const other = { height: 9, set: second, next: second, chainId: "other" };
        expect(codeOf(await chainOf(change, other))).toBe("MS_COMMIT");
    });
});

describe("the chain of commits that a server keeps", () => {
    /** A node whose set changes behind heights 20 and 50. */
    const setAt = (height: number): Key[] =>
        height <= 20 ? keys.slice(0, 4) : height <= 50 ? keys.slice(0, 3) : keys.slice(0, 5);
    const asked: number[] = [];
    const source: CommitSource = {
        signedHeader(height) {
            asked.push(height);
            return signed(height, { set: setAt(height), next: setAt(height + 1) });
        },
        validators: (height) => Promise.resolve(plain(setAt(height))),
    };
    const point = (height: number): ProofPoint => ({
        height,
        size: 0,
        validators: plain(setAt(height + 1)),
    });

    it("is the latest header and each change, found by halving", async () => {
        let kept: Uint8Array | null = null;
        const store = {
            commits: () => Promise.resolve(kept),
            keepCommits: (bytes: Uint8Array) => {
                kept = bytes;
                return Promise.resolve();
            },
        };
        expect(await keepCommits(point(3), source, store)).toBe(true);
        expect(await keepCommits(point(3), source, store)).toBe(false);
        await keepCommits(point(10), source, store);
        asked.length = 0;
        await keepCommits(point(1_000), source, store);
        expect(asked.length).toBeLessThan(30);
        await keepCommits(point(2_000), source, store);
        const chain = decodeCommitChain(kept ?? new Uint8Array());
        if (!chain.ok) throw chain.error;
        const heights = chain.value.links.map(({ signedHeader }) =>
            Number(SignedHeader.decode(signedHeader).header?.height),
        );
        expect(heights).toEqual([20, 50, 2_000]);
        const checked = checkCommits(kept ?? new Uint8Array());
        if (!checked.ok) throw checked.error;
        expect(checked.value.firstValidators).toBe(toHex(validatorsHash(setAt(1))));
    });

    it("is not changed by a node that lies", async () => {
        const lying: CommitSource = {
            ...source,
            signedHeader: (height) =>
                signed(height, {
                    set: setAt(height),
                    next: setAt(height + 1),
                    by: [keys[0] as Key],
                }),
        };
        let written = 0;
        const store = {
            commits: () => Promise.resolve(null),
            keepCommits: () => {
                written++;
                return Promise.resolve();
            },
        };
        await expect(keepCommits(point(3), lying, store)).rejects.toMatchObject({
            code: "MS_COMMIT",
        });
        expect(written).toBe(0);
    });
});

describe("a validator that votes twice", () => {
    type Changes = Partial<{
        hash: string;
        height: string;
        round: number;
        by: Key;
        from: Key;
        chainId: string;
    }>;

    async function vote({
        by,
        chainId = "test",
        from,
        hash = "aa",
        height = "7",
        round = 0,
    }: Changes) {
        const [key] = keys as [Key];
        const block = { hash: hash.repeat(32), parts: { total: 1, hash: hash.repeat(32) } };
        const unsigned = {
            ...{ type: 2, height, round, block_id: block, validator_index: 0 },
            timestamp: "2026-01-01T00:00:00.5Z",
            validator_address: toHex(addressOf(from ?? key)).toUpperCase(),
            signature: "",
        };
        const message = voteSignBytes({
            ...{ type: 2, height: BigInt(height), round, chainId },
            blockId: blockIdOf(block),
            time: timeOf(unsigned.timestamp),
        });
        const signature = await (by ?? from ?? key).signer.sign(message);
        return { ...unsigned, signature: toBase64(new Uint8Array(signature)) };
    }

    async function verdict(a: Changes, b: Changes, networkId = network.networkId) {
        const place = { chainId: "test", validators: plain(keys), genesis: network.genesis };
        const votes = { vote_a: await vote(a), vote_b: await vote(b) };
        const read = decodeContradiction(encodeContradiction(doubleVoteOf(votes, place)));
        const checked = read.ok ? checkDoubleVote(read.value, networkId) : read;
        return checked.ok ? checked.value.where : checked.error.code;
    }

    it("is proven by two votes in one round, and by nothing less", async () => {
        const other = { hash: "bb" };
        expect(await verdict({}, other)).toBe("votes of height 7, round 0 of test");
        expect(await verdict({}, {})).toBe("MS_CONTRADICTION");
        expect(await verdict({}, { ...other, height: "8" })).toBe("MS_CONTRADICTION");
        expect(await verdict({}, { ...other, round: 1 })).toBe("MS_CONTRADICTION");
        expect(await verdict({}, { ...other, chainId: "elsewhere" })).toBe("MS_SIGNATURE_BAD");
        expect(await verdict({}, { ...other, by: keys[1] as Key })).toBe("MS_SIGNATURE_BAD");
        expect(await verdict({}, { ...other, from: keys[1] as Key })).toBe("MS_KEY_UNKNOWN");
        expect(await verdict({}, other, new Uint8Array(32))).toBe("MS_NETWORK");
    });
});
