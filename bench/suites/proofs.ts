import { leafHash, MerkleLog, verifyInclusion } from "@meterseal/ledger";
import { secondsPerCall } from "../lib/measure.ts";
import type { Row, Suite } from "../lib/report.ts";

const LEAVES = 1_000_000;
const LEAVES_QUICK = 20_000;
const ROUNDS = 5;
/** A prime: proofs of leaves all over the log. */
const STEP = 7_919;
const HASH_BYTES = 32;

/** Proofs of inclusion in a large log: made by the server, checked by whoever holds the checkpoint. */
export const proofsSuite: Suite = {
    name: "proofs",
    title: "proofs that an entry is in a log",
    run: ({ quick }) => {
        const size = quick ? LEAVES_QUICK : LEAVES;
        const data = new Uint8Array(4);
        const log = new MerkleLog();
        for (let i = 0; i < size; i++) {
            new DataView(data.buffer).setUint32(0, i);
            log.append(leafHash(data));
        }
        const root = log.root();
        let index = 0;
        let path = log.inclusionPath(0);
        let longest = 0;
        const madeS = secondsPerCall(ROUNDS, () => {
            index = (index + STEP) % size;
            path = log.inclusionPath(index);
            longest = Math.max(longest, path.length);
        });
        const checkedS = secondsPerCall(ROUNDS, () => {
            if (!verifyInclusion({ leafHash: log.leafHash(index), index, path, size, root })) {
                throw new Error("a proof that does not hold");
            }
        });
        const row = (what: string, value: number, unit: string, atMost?: number): Row => ({
            what,
            ours: { value, unit },
            against: null,
            ratio: null,
            target: atMost === undefined ? null : { on: "ours", atMost },
        });
        return Promise.resolve({
            rows: [
                row(`of ${size} leaves: made`, madeS * 1000, "ms", 1),
                row("checked", checkedS * 1000, "ms"),
                row("the longest", longest * HASH_BYTES, "bytes", 1_000),
            ],
            facts: [],
        });
    },
};
