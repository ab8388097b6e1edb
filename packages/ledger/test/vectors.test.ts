import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, type Result, toHex, unwrap } from "@meterseal/core";
import { decodeCoseKey, parseRecord, verifySign1 } from "@meterseal/record";
import { TEST_LATER_MS } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { stateRoot } from "../src/accept/state-root.ts";
import { verifyCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { decodeEntry, encodeEntry, entryLeafHash, parseItem } from "../src/entry.ts";
import { checkEvidence } from "../src/evidence/check.ts";
import { decodeEvidence } from "../src/evidence/evidence.ts";
import { decodeGenesis, networkIdOf, originOf } from "../src/genesis.ts";
import { merkleRoot } from "../src/merkle/hash.ts";
import { replayEntry, stateOfGenesis } from "../src/replay.ts";
import { bodyBytes, recordLeafHash } from "../src/vertex/body.ts";
import { genesisVertexIds } from "../src/vertex/cid.ts";
import { parseVertex } from "../src/vertex/vertex.ts";
import { fieldsOf, genesisFields, makeVectors, type Vectors } from "./vectors-network.ts";
import { codeOf } from "./world.ts";

const FILE = new URL("../../../vectors/ledger/network.json", import.meta.url);
if (process.env.METERSEAL_WRITE_VECTORS !== undefined) {
    writeFileSync(FILE, `${JSON.stringify(await makeVectors(), null, 1)}\n`);
}
const vectors: Vectors = JSON.parse(readFileSync(FILE, "utf8"));

describe("vectors/ledger/network.json", () => {
    const genesis = fromHex(vectors.genesis.bytes);

    it("has a genesis, its network id and its two vertices", () => {
        expect(genesisFields(genesis)).toEqual(vectors.genesis.fields);
        const networkId = networkIdOf(genesis);
        expect(toHex(networkId)).toBe(vectors.genesis.networkId);
        expect(originOf(networkId)).toBe(vectors.genesis.origin);
        expect(genesisVertexIds(networkId).map(String)).toEqual(vectors.genesis.vertexIds);
    });

    it("has a vertex with its body and id", () => {
        const vertex = unwrap(parseVertex(fromHex(vectors.vertex.bytes)));
        expect(fieldsOf(vertex)).toEqual(vectors.vertex.fields);
        expect(vertex.id.toString()).toBe(vectors.vertex.id);
        expect(toHex(vertex.message.payload)).toBe(vectors.vertex.header);
        const key = decodeCoseKey(fromHex(vectors.keys["vector collector"]?.coseKey ?? ""));
        expect(verifySign1(vertex.message, key)).toBe(true);
        const records = (vectors.log.entries[2]?.body ?? []).map((hex) =>
            unwrap(parseRecord(fromHex(hex))),
        );
        expect(toHex(bodyBytes(records))).toBe(vectors.vertex.body);
        expect(
            records.map((r) => ({
                hash: toHex(r.message.hash),
                leafHash: toHex(recordLeafHash(r)),
            })),
        ).toEqual(vectors.vertex.records);
        expect(toHex(merkleRoot(records.map(recordLeafHash)))).toBe(vectors.vertex.fields.root);
    });

    it("has a log with its leaves, root and checkpoint, and a state after each entry", () => {
        const state = unwrap(stateOfGenesis(genesis));
        const leaves = vectors.log.entries.map((vector) => {
            const entry = { timeMs: vector.timeMs, item: fromHex(vector.item) };
            expect(unwrap(decodeEntry(fromHex(vector.leafData)))).toEqual(entry);
            expect(toHex(encodeEntry(entry))).toBe(vector.leafData);
            expect(toHex(entryLeafHash(entry))).toBe(vector.leafHash);
            expect(codeOf(replayEntry(state, entry, vector.body.map(fromHex)))).toBe("ok");
            expect(toHex(stateRoot(state))).toBe(vector.stateRoot);
            return fromHex(vector.leafHash);
        });
        expect(toHex(merkleRoot(leaves))).toBe(vectors.log.root);
        const publicKey = decodeCoseKey(fromHex(vectors.keys["vector log"]?.coseKey ?? ""));
        const head = unwrap(
            verifyCheckpoint(vectors.log.checkpoint, { origin: vectors.genesis.origin, publicKey }),
        );
        expect([head.size, toHex(head.root)]).toEqual([vectors.log.size, vectors.log.root]);
    });

    it("has evidence that holds", () => {
        const evidence = unwrap(decodeEvidence(fromHex(vectors.evidence.bytes)));
        const trust = {
            networkId: fromHex(vectors.genesis.networkId),
            subject: fromHex(vectors.evidence.subject),
        };
        const report = checkEvidence(evidence, trust);
        expect([report.signatures.faults, report.continuity.faults, report.records.length]).toEqual(
            [[], [], 3],
        );
    });

    it.each(vectors.refused.map((vector) => [vector.name, vector] as const))(
        "refuses: %s",
        (_, vector) => {
            const bytes = fromHex(vector.hex);
            const parsers: Record<string, (bytes: Uint8Array) => Result<unknown>> = {
                genesis: decodeGenesis,
                vertex: parseItem,
                entry: decodeEntry,
                evidence: decodeEvidence,
                accept: acceptAfterLog(vector.body ?? []),
            };
            expect(codeOf(parsers[vector.what]?.(bytes) as Result<unknown>)).toBe(vector.code);
        },
    );

    function acceptAfterLog(body: string[]) {
        return (item: Uint8Array): Result<unknown> => {
            const state = unwrap(stateOfGenesis(genesis));
            for (const entry of vectors.log.entries) {
                unwrap(
                    replayEntry(
                        state,
                        { timeMs: entry.timeMs, item: fromHex(entry.item) },
                        entry.body.map(fromHex),
                    ),
                );
            }
            return replayEntry(state, { timeMs: TEST_LATER_MS + 9, item }, body.map(fromHex));
        };
    }

    it("is what this program makes", async () => {
        expect(await makeVectors()).toEqual(vectors);
    });
});
