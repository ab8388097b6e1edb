import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fromHex, LIMITS, MetersealError } from "@meterseal/core";
import { STREAM_MODE } from "@meterseal/record";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { Transaction } from "micro-eth-signer";
import { RLP } from "micro-eth-signer/core/rlp.js";
import { sign } from "micro-eth-signer/utils.js";
import { afterEach, describe, expect, it } from "vitest";
import { signTransaction } from "../src/evm/client/signer.ts";
import { bytesOf, hexOf } from "../src/evm/hex.ts";
import {
    type Address,
    acceptEvm,
    CONTRACTS,
    decodeRefusal,
    digestSigner,
    type EvmProfile,
    type EvmProfiles,
    EvmRpc,
    emptyCommittedBatch,
    emptyRootAnchor,
    emptySingleWrite,
    errorOfRefusal,
    formatPending,
    type Hex,
    keySigner,
    NO_HASH,
    openRegisters,
    packRegisters,
    parsePending,
} from "../src/evm/index.ts";
import { decodeHeader, encodeHeader } from "../src/evm/proof/block-header.ts";

const [ADMIN, SERVER, STRANGER] = ["a", "b", "c"].map(
    (digit): Address => `0x${digit.repeat(40)}`,
) as [Address, Address, Address];
const HEX: Hex = "0x1234";
const LOG: Hex = `0x${"11".repeat(32)}`;
const ROOT: Hex = `0x${"22".repeat(32)}`;

type Call<P extends EvmProfile> = readonly [Address, EvmProfiles[P]["call"]];

/** State after calls that must all be taken. */
function after<P extends EvmProfile>(
    profile: P,
    empty: EvmProfiles[P]["state"],
    calls: readonly Call<P>[],
): EvmProfiles[P]["state"] {
    return calls.reduce((state, [sender, call]) => {
        const verdict = acceptEvm(profile, state, sender, call);
        if (!verdict.ok) throw errorOfRefusal(verdict.refusal);
        return verdict.state;
    }, empty);
}

function codeOf<P extends EvmProfile>(
    profile: P,
    state: EvmProfiles[P]["state"],
    [sender, call]: Call<P>,
): string {
    const verdict = acceptEvm(profile, state, sender, call);
    return verdict.ok ? "taken" : errorOfRefusal(verdict.refusal).code;
}

describe("the rules of the contracts", () => {
    it("take a single write from a server on the list, once and upwards only", () => {
        const write = (seq: number, value: bigint) =>
            ({ call: "write", register: LOG, seq, value, time: 1 }) as const;
        const state = after("single-write", emptySingleWrite(ADMIN), [
            [ADMIN, { call: "proposeServer", server: SERVER }],
            [SERVER, { call: "acceptServer" }],
            [SERVER, write(1, 10n)],
            [SERVER, write(2, 10n)],
        ]);
        expect(codeOf("single-write", state, [SERVER, write(3, 10n)])).toBe("taken");
        expect(codeOf("single-write", state, [STRANGER, write(3, 10n)])).toBe("MS_NOT_ALLOWED");
        expect(codeOf("single-write", state, [SERVER, write(2, 11n)])).toBe("MS_REPLAYED");
        expect(codeOf("single-write", state, [SERVER, write(4, 11n)])).toBe("MS_GAP");
        expect(codeOf("single-write", state, [SERVER, write(3, 9n)])).toBe("MS_REGISTER_DECREASED");
        const removed = after("single-write", state, [
            [ADMIN, { call: "removeServer", server: SERVER }],
        ]);
        expect(codeOf("single-write", removed, [SERVER, write(3, 10n)])).toBe("MS_NOT_ALLOWED");
        expect(codeOf("single-write", removed, [SERVER, { call: "acceptServer" }])).toBe(
            "MS_NOT_ALLOWED",
        );
    });

    it("take a batch that continues the last one", () => {
        const batch = (seq: number, previous: bigint[], next: bigint[]) =>
            ({
                ...({ call: "write", group: 7, seq, time: 1 } as const),
                ...{ previous: packRegisters(previous), next: packRegisters(next) },
            }) as const;
        const state = after("committed-batch", emptyCommittedBatch(ADMIN), [
            [ADMIN, { call: "proposeGroupOwner", group: 7, owner: SERVER }],
            [SERVER, { call: "acceptGroup", group: 7 }],
            [SERVER, batch(1, [], [5n, 2n ** 47n])],
        ]);
        const code = (sender: Address, call: ReturnType<typeof batch>): string =>
            codeOf("committed-batch", state, [sender, call]);
        expect(code(SERVER, batch(2, [5n, 2n ** 47n], [5n, 2n ** 47n, 0n]))).toBe("taken");
        expect(code(ADMIN, batch(2, [5n, 2n ** 47n], [5n, 2n ** 47n]))).toBe("MS_NOT_ALLOWED");
        expect(code(SERVER, batch(2, [5n, 2n ** 47n], [5n]))).toBe("MS_MALFORMED");
        expect(code(SERVER, batch(2, [4n, 2n ** 47n], [5n, 2n ** 47n]))).toBe("MS_ANCHOR");
        expect(code(SERVER, batch(2, [5n, 2n ** 47n], [5n, 2n ** 47n - 1n]))).toBe(
            "MS_REGISTER_DECREASED",
        );
    });

    it("take an anchor of the log's owner that names the last root and is larger", () => {
        const anchor = (previousRoot: Hex, size: number) =>
            ({ call: "anchor", log: LOG, previousRoot, size, root: ROOT }) as const;
        const state = after("root-anchor", emptyRootAnchor(ADMIN), [
            [ADMIN, { call: "proposeLogOwner", log: LOG, owner: SERVER }],
            [SERVER, { call: "acceptLog", log: LOG }],
            [SERVER, anchor(NO_HASH, 10)],
        ]);
        expect(codeOf("root-anchor", state, [SERVER, anchor(ROOT, 11)])).toBe("taken");
        expect(codeOf("root-anchor", state, [ADMIN, anchor(ROOT, 11)])).toBe("MS_NOT_ALLOWED");
        expect(codeOf("root-anchor", state, [SERVER, anchor(NO_HASH, 11)])).toBe("MS_ANCHOR");
        expect(codeOf("root-anchor", state, [SERVER, anchor(ROOT, 10)])).toBe("MS_ANCHOR");
    });

    it("hand a role over to who was proposed, and to nobody else", () => {
        const state = after("root-anchor", emptyRootAnchor(ADMIN), [
            [ADMIN, { call: "proposeAdmin", next: SERVER }],
        ]);
        expect(codeOf("root-anchor", state, [STRANGER, { call: "acceptAdmin" }])).toBe(
            "MS_NOT_ALLOWED",
        );
        const propose = { call: "proposeAdmin", next: STRANGER } as const;
        expect(codeOf("root-anchor", state, [SERVER, propose])).toBe("MS_NOT_ALLOWED");
        const handed = after("root-anchor", state, [[SERVER, { call: "acceptAdmin" }]]);
        expect(codeOf("root-anchor", handed, [ADMIN, propose])).toBe("MS_NOT_ALLOWED");
        expect(codeOf("root-anchor", handed, [SERVER, propose])).toBe("taken");
    });

    it("read nothing into bytes that are no error of a contract", () => {
        for (const profile of Object.keys(CONTRACTS) as EvmProfile[]) {
            expect(decodeRefusal(profile, "0x")).toBeNull();
            expect(decodeRefusal(profile, "0x12")).toBeNull();
            expect(decodeRefusal(profile, "0x4e487b7100")).toBeNull();
        }
    });
});

describe("a signer behind a key management service", () => {
    const key = new Uint8Array(32).fill(7);
    const { address } = keySigner(key);
    const transaction = {
        ...{ chainId: 5, nonce: 3, to: STRANGER, data: HEX, gasLimit: 50_000n },
        ...{ maxFeePerGas: 9n, maxPriorityFeePerGas: 1n },
    } as const;
    /** Signs as some services do: in the form of s that chains do not take. */
    const service = (digest: Uint8Array): Promise<Uint8Array> => {
        const { r, s } = sign(digest, key);
        const order = 2n ** 256n - 0x1_4551231950b75fc4_402da1732fc9bebfn;
        const word = (value: bigint): string => value.toString(16).padStart(64, "0");
        return Promise.resolve(fromHex(word(r) + word(order - s)));
    };

    it("signs what was asked, in the form that chains take", async () => {
        const { raw } = await signTransaction(digestSigner(address, service), transaction);
        const parsed = Transaction.fromHex(raw);
        expect(parsed.sender.toLowerCase()).toBe(address);
        expect(parsed.verifySignature()).toBe(true);
        expect(parsed.raw).toMatchObject({ nonce: 3n, chainId: 5n, data: "0x1234" });
    });

    it.each([
        ["another account", digestSigner(SERVER, service)],
        ["no signature", digestSigner(address, () => Promise.resolve(new Uint8Array(64)))],
        ["too few bytes", digestSigner(address, () => Promise.resolve(new Uint8Array(63)))],
    ])("is refused with %s", async (_, signer) => {
        await expect(signTransaction(signer, transaction)).rejects.toThrow(/MS_SIGNATURE_BAD/);
    });

    it("takes no key that is none", () => {
        expect(() => keySigner(new Uint8Array(32))).toThrow(/MS_KEY_FILE/);
        expect(() => keySigner(new Uint8Array(31).fill(1))).toThrow(/MS_KEY_FILE/);
    });
});

describe("a transaction that is under way, as a file", () => {
    const version = {
        raw: HEX,
        hash: ROOT,
        atMs: 1,
        maxFeePerGas: 2n ** 70n,
        maxPriorityFeePerGas: 0n,
    };
    const pending = {
        ...{
            purpose: "a test",
            from: ADMIN,
            to: null,
            data: HEX,
            gasLimit: 1n,
            nonce: 4,
        },
        versions: [version],
    } as const;

    it("comes back as it was", () => {
        expect(parsePending(formatPending(pending), "file")).toEqual(pending);
    });

    it.each([
        ["text", "{"],
        ["another file", "{}"],
        ["a wrong number", formatPending(pending).replace('"nonce": 4', '"nonce": -4')],
        ["a wrong amount", formatPending(pending).replace(`${2n ** 70n}`, "much")],
        ["a wrong form", formatPending(pending).replace('"raw": "0x', '"raw": "')],
    ])("is refused with %s", (_, text) => {
        expect(() => parsePending(text, "file")).toThrow(/MS_STORE_FORMAT/);
    });
});

describe("the header of a block", () => {
    const zero = (bytes: number): Hex => `0x${"00".repeat(bytes)}`;
    const fields = {
        ...{ parentHash: zero(32), sha3Uncles: zero(32), miner: zero(20), stateRoot: ROOT },
        ...{ transactionsRoot: zero(32), receiptsRoot: zero(32), logsBloom: zero(256) },
        ...{ difficulty: "0x1", number: "0x7", gasLimit: "0x1000", gasUsed: "0x0" },
        ...{ timestamp: "0x5f", mixHash: zero(32), nonce: zero(8), baseFeePerGas: "0x0" },
    };
    const extra = (parts: readonly (Uint8Array | Uint8Array[])[]): Uint8Array =>
        Uint8Array.from(RLP.encode(parts as Uint8Array[]));
    const [vanity, validators] = [new Uint8Array(32), [new Uint8Array(20).fill(1)]];
    const [round, seals] = [Uint8Array.of(3), [new Uint8Array(65).fill(2)]];
    const sealed = extra([vanity, validators, [], round, seals]);
    /** A block as a node shows it, whose hash is over other extra data than it shows. */
    const block = (shown: Uint8Array, hashed: Uint8Array): Record<string, unknown> => {
        const encoded = encodeHeader({ ...fields, extraData: hexOf(hashed), hash: "none" });
        expect(encoded).toBeNull();
        const order = [
            ...["parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot"],
            ...["receiptsRoot", "logsBloom", "difficulty", "number", "gasLimit", "gasUsed"],
            ...["timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas"],
        ];
        const values: Record<string, string> = { ...fields, extraData: hexOf(hashed) };
        const numbers = [
            "difficulty",
            "number",
            "gasLimit",
            "gasUsed",
            "timestamp",
            "baseFeePerGas",
        ];
        const list = order.map((name) =>
            numbers.includes(name) ? BigInt(values[name] ?? "") : bytesOf(values[name] as Hex),
        );
        const hash = hexOf(keccak_256(Uint8Array.from(RLP.encode(list))));
        return { ...fields, extraData: hexOf(shown), hash };
    };

    it.each([
        ["as it is shown", sealed, sealed],
        [
            "of QBFT: without seals, in round 0",
            sealed,
            extra([vanity, validators, [], new Uint8Array(), []]),
        ],
        ["of IBFT 2.0: without seals and round", sealed, extra([vanity, validators, []])],
        ["of a chain without such data", Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)],
    ])("is hashed %s", (_, shown, hashed) => {
        const shownBlock = block(shown, hashed);
        const header = encodeHeader(shownBlock) ?? new Uint8Array();
        const read = decodeHeader(header);
        expect(read).toEqual({
            ...{ hash: shownBlock.hash, number: 7, timeUnix: 0x5f, stateRoot: bytesOf(ROOT) },
        });
    });

    it("is none where its hash does not come out, or a field is missing", () => {
        const other = block(sealed, extra([vanity, validators]));
        expect(encodeHeader(other)).toBeNull();
        const { stateRoot: _, ...less } = block(sealed, sealed);
        expect(encodeHeader(less)).toBeNull();
        expect(decodeHeader(Uint8Array.of(0xc0))).toBeNull();
        expect(decodeHeader(Uint8Array.of(1, 2))).toBeNull();
    });
});

describe("registers for a public chain", () => {
    it("come from open records, one for each boundary and channel", async () => {
        const network = new TestNetwork("open", STREAM_MODE.open);
        const chain = new TestChain(await network.meter("m"));
        const record = await chain.usage({
            values: { mode: "open", registers: [1n, 2n, 3n, 4n] },
        });
        const registers = openRegisters(record);
        expect(registers.map(({ value }) => value)).toEqual([1n, 2n, 3n, 4n]);
        const [first, second] = registers;
        expect(first?.register).toMatch(/^0x[0-9a-f]{32}0{30}00$/);
        expect((second?.time ?? 0) - (first?.time ?? 0)).toBe(900);
    });

    it("never come from sealed ones", async () => {
        const chain = new TestChain(await new TestNetwork("sealed").meter("m"));
        const record = await chain.usage();
        expect(() => openRegisters(record)).toThrow(/MS_NOT_ALLOWED/);
    });
});

describe("JSON-RPC", () => {
    const servers: Server[] = [];
    afterEach(() => {
        for (const server of servers.splice(0)) server.close();
    });

    async function answering(
        body: (seen: { auth: string; asked: string }) => string,
    ): Promise<string> {
        const server = createServer((request, response) => {
            const parts: Buffer[] = [];
            request.on("data", (part: Buffer) => parts.push(part));
            request.on("end", () => {
                const asked = Buffer.concat(parts).toString();
                response.end(body({ auth: request.headers.authorization ?? "", asked }));
            });
        });
        servers.push(server);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    }

    const codeOfQuery = async (rpc: EvmRpc): Promise<string> => {
        const failure: unknown = await rpc.query("eth_chainId", []).then(
            (result) => `taken ${String(result)}`,
            (cause: unknown) => cause,
        );
        return failure instanceof MetersealError ? failure.code : String(failure);
    };

    it("gives the answer, and the password of the URL in a header only", async () => {
        let auth = "";
        const place = await answering((seen) => {
            auth = seen.auth;
            return JSON.stringify({ jsonrpc: "2.0", id: 1, result: "0x7a69" });
        });
        const rpc = new EvmRpc(`http://user:p%40ss@${place}`);
        expect(await rpc.quantity("eth_chainId", [])).toBe(31_337n);
        expect(auth).toBe(`Basic ${Buffer.from("user:p@ss").toString("base64")}`);
        expect(rpc.place).toBe(place);
    });

    it.each([
        ["no JSON", "<html>"],
        ["no object", "7"],
        ["neither result nor error", "{}"],
        ["an error", JSON.stringify({ error: { code: -32_601, message: "no such method" } })],
    ])("refuses %s", async (_, text) => {
        expect(await codeOfQuery(new EvmRpc(`http://${await answering(() => text)}`))).toBe(
            "MS_LINK",
        );
    });

    it("reads an answer up to its limit, and no larger one", async () => {
        const sized = async (length: number): Promise<string> => {
            const text = JSON.stringify({ result: "" });
            const whole = JSON.stringify({ result: "x".repeat(length - text.length) });
            return await codeOfQuery(new EvmRpc(`http://${await answering(() => whole)}`));
        };
        expect(await sized(LIMITS.evmAnswerBytes)).toMatch(/^taken x/);
        expect(await sized(LIMITS.evmAnswerBytes + 1)).toBe("MS_TOO_LARGE");
    });

    it("says where nobody answers, and takes no other scheme", async () => {
        expect(await codeOfQuery(new EvmRpc("http://127.0.0.1:9", 500))).toBe("MS_LINK");
        expect(() => new EvmRpc("ws://127.0.0.1:9")).toThrow(/MS_USAGE/);
    });
});
