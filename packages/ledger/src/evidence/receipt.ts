import { error, fail, ok, type Result } from "@meterseal/core";
import { attempt, decodeCbor, encodeCbor, malformed, toArray, toBytes } from "@meterseal/record";
import { formatTlogProof, parseTlogProof, TLOG_PROOF_LIMITS } from "../checkpoint/tlog-proof.ts";
import { decodeEvidence, type Evidence, encodeEvidence } from "./evidence.ts";

/**
 * A receipt for one record: a C2SP tlog-proof of the vertex that carries it, to be kept as
 * `.tlog-proof` and checked offline. Its extra data is CBOR [entry of the vertex, evidence], the
 * evidence without checkpoint and vertex, which the proof has already (formats 7).
 * @param evidence - checked evidence that holds the record.
 * @param at - position of the record in it.
 * @returns MS_NOT_FOUND where there is no such record, MS_TOO_LARGE where the extra data would pass
 * 64 KiB.
 */
export function formatReceipt(evidence: Evidence, at: number): Result<string> {
    const record = evidence.records[at];
    const vertex = record === undefined ? undefined : evidence.vertices[record.vertex];
    if (record === undefined || vertex === undefined) return fail(error("MS_NOT_FOUND"));
    const { enrolments, genesis } = evidence;
    const rest: Evidence = {
        genesis,
        checkpoint: "",
        enrolments,
        vertices: [],
        records: [{ ...record, vertex: 0 }],
    };
    const extra = encodeCbor([vertex.entry, encodeEvidence(rest)]);
    if (extra.length > TLOG_PROOF_LIMITS.extraBytes) {
        const expected = `at most ${TLOG_PROOF_LIMITS.extraBytes} bytes beside the proof`;
        return fail(error("MS_TOO_LARGE", { expected, got: `${extra.length}` }));
    }
    const { index, path } = vertex;
    return ok(formatTlogProof({ index, path, extra, checkpoint: evidence.checkpoint }));
}

/**
 * Evidence for the one record of a receipt; nothing is verified yet: that is
 * {@link import("./check.ts").checkEvidence}, with the extent "single".
 * @returns MS_PROOF or MS_MALFORMED where the text is no receipt of ours.
 */
export function parseReceipt(text: string | Uint8Array): Result<Evidence> {
    const proof = parseTlogProof(text);
    if (!proof.ok) return proof;
    const { checkpoint, extra, index, path } = proof.value;
    const parts = attempt(() => {
        const [entry, evidence, ...more] = toArray(
            decodeCbor(extra ?? Uint8Array.of()),
            "extra",
            2,
        );
        if (more.length > 0) malformed("extra", "two parts");
        return {
            entry: toBytes(entry, "entry", 1, TLOG_PROOF_LIMITS.extraBytes),
            evidence: toBytes(evidence, "evidence", 1, TLOG_PROOF_LIMITS.extraBytes),
        };
    });
    if (!parts.ok) return parts;
    const rest = decodeEvidence(parts.value.evidence);
    if (!rest.ok) return rest;
    const { checkpoint: none, enrolments, genesis, records, vertices } = rest.value;
    const [record, ...others] = records;
    const isOne = record !== undefined && others.length === 0 && vertices.length === 0;
    if (!isOne || none !== "") {
        return fail(error("MS_MALFORMED", { where: "receipt", expected: "one record" }));
    }
    return ok({
        genesis,
        checkpoint,
        enrolments,
        vertices: [{ index, entry: parts.value.entry, path }],
        records: [record],
    });
}
