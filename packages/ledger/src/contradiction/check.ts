import { bytesEqual, error, fail, type Result, toHex, unwrap } from "@meterseal/core";
import {
    attempt,
    type Enrolment,
    epochOf,
    kidOf,
    type MeterRecord,
    parseEnrolment,
    parseRecord,
    RECORD_CLASS,
    ROLE,
    type Sign1,
    verifySign1,
} from "@meterseal/record";
import { recordName } from "../accept/accept.ts";
import { decodeText, NOTE_LIMITS } from "../checkpoint/note.ts";
import { checkSplitView } from "../checkpoint/split-view.ts";
import { decodeGenesis, type Genesis, networkIdOf, originOf } from "../genesis.ts";
import { genesisVertexIds } from "../vertex/cid.ts";
import { parseVertex, type Vertex } from "../vertex/vertex.ts";
import { type Contradiction, CULPRIT } from "./contradiction.ts";
import { isForkOf, parseParents } from "./fork.ts";

/** What a contradiction proves. */
export type ProvenContradiction = {
    readonly culprit: keyof typeof CULPRIT;
    /** Subject, collector, network or key of a validator, hexadecimal. */
    readonly id: string;
    /** Key epoch, chain epoch, tree size or height in which it happened. */
    readonly epoch: number;
    /** For a person: what was signed twice. */
    readonly where: string;
};

/**
 * Checks a contradiction of a meter, collector or log with nothing but the id of its network (32
 * bytes). That of a validator is for the engine that knows its votes.
 * @returns MS_NETWORK for another network, MS_ENROLMENT, MS_KEY_UNKNOWN or MS_SIGNATURE_BAD where it
 * does not prove the signer, MS_CONTRADICTION where an honest signer could have said both.
 */
export function checkContradiction(
    contradiction: Contradiction,
    networkId: Uint8Array,
): Result<ProvenContradiction> {
    const { culprit } = contradiction;
    const genesis = genesisOf(contradiction, networkId);
    if (!genesis.ok) return genesis;
    return attempt(() => {
        if (culprit === CULPRIT.log) return logVerdict(contradiction, genesis.value, networkId);
        if (culprit === CULPRIT.validator) throw error("MS_VERSION", { got: "votes" });
        const enrolment = enrolmentOf(contradiction, genesis.value, networkId);
        return culprit === CULPRIT.meter
            ? meterVerdict(contradiction, enrolment)
            : collectorVerdict(contradiction, enrolment, networkId);
    });
}

/** Genesis of a contradiction; MS_NETWORK where it is that of another network. */
export function genesisOf({ genesis }: Contradiction, networkId: Uint8Array): Result<Genesis> {
    const found = networkIdOf(genesis);
    if (bytesEqual(found, networkId)) return decodeGenesis(genesis);
    return fail(error("MS_NETWORK", { expected: toHex(networkId), got: toHex(found) }));
}

function enrolmentOf(
    { enrolment }: Contradiction,
    genesis: Genesis,
    networkId: Uint8Array,
): Enrolment {
    if (enrolment === null) throw error("MS_ENROLMENT", { got: "none" });
    const parsed = unwrap(parseEnrolment(enrolment));
    if (!bytesEqual(parsed.network, networkId)) throw error("MS_NETWORK", { where: "enrolment" });
    if (!verifySign1(parsed.message, genesis.operator)) {
        throw error("MS_SIGNATURE_BAD", { where: "enrolment" });
    }
    return parsed;
}

/** Both messages must carry the key id of the enrolment and its signature. */
function requireSigned(messages: readonly Sign1[], { key }: Enrolment): void {
    for (const message of messages) {
        if (!bytesEqual(message.kid, kidOf(key))) {
            throw error("MS_KEY_UNKNOWN", { got: toHex(message.kid) });
        }
        if (!verifySign1(message, key)) throw error("MS_SIGNATURE_BAD", { where: "statement" });
    }
}

function meterVerdict({ statements }: Contradiction, enrolment: Enrolment): ProvenContradiction {
    const [a, b] = statements.map((bytes) => unwrap(parseRecord(bytes))) as [
        MeterRecord,
        MeterRecord,
    ];
    const isMeter = enrolment.role !== ROLE.collector;
    const isOwn = [a, b].every(({ subject }) => bytesEqual(subject, enrolment.id));
    if (!isMeter || !isOwn) throw error("MS_ENROLMENT", { expected: "the key of the subject" });
    requireSigned([a.message, b.message], enrolment);
    if (!recordsContradict(a, b)) {
        const [expected, got] = ["two records for one place", `${recordName(a)}, ${recordName(b)}`];
        throw error("MS_CONTRADICTION", { expected, got });
    }
    const { epoch, seq } = placesOf(a)[0];
    const where = `place ${seq} of chain epoch ${epoch}`;
    return { culprit: "meter", id: toHex(a.subject), epoch, where };
}

/**
 * True for two records of one key that a meter which keeps one chain never signs both: they take
 * the same place, or follow the same record. Signing the same one again changes nothing, for a
 * record's hash is without its signature.
 */
export function recordsContradict(a: MeterRecord, b: MeterRecord): boolean {
    if (bytesEqual(a.message.hash, b.message.hash)) return false;
    const places = placesOf(b);
    const samePlace = placesOf(a).some((one) =>
        places.some(({ epoch, seq }) => one.epoch === epoch && one.seq === seq),
    );
    // The first records of a key's epochs all name its enrolment.
    return samePlace || (a.seq > 1 && b.seq > 1 && bytesEqual(a.prev, b.prev));
}

type Place = { readonly epoch: number; readonly seq: number };

/** Place of a record in its chain; one that opens an epoch takes that after the end of the last. */
function placesOf(record: MeterRecord): readonly [Place, ...Place[]] {
    const own = { epoch: record.chainEpoch, seq: record.seq };
    if (record.seq !== 1 || record.recordClass !== RECORD_CLASS.epoch) return [own];
    const body = epochOf(record);
    if (!body.ok || body.value.chainEpoch !== record.chainEpoch - 1) return [own];
    return [own, { epoch: body.value.chainEpoch, seq: body.value.lastSeq + 1 }];
}

function collectorVerdict(
    { context, statements }: Contradiction,
    enrolment: Enrolment,
    networkId: Uint8Array,
): ProvenContradiction {
    const [a, b] = statements.map((bytes) => unwrap(parseVertex(bytes))) as [Vertex, Vertex];
    const isOwn = [a, b].every(
        ({ author, keyEpoch, net }) =>
            bytesEqual(author, enrolment.id) &&
            keyEpoch === enrolment.epoch &&
            bytesEqual(net, networkId),
    );
    if (enrolment.role !== ROLE.collector || !isOwn) {
        throw error("MS_ENROLMENT", { expected: "the key of the author in this network" });
    }
    requireSigned([a.message, b.message], enrolment);
    const roots = genesisVertexIds(networkId).map((id) => id.toString());
    const later = a.round > b.round ? a : b;
    const parents = a.round === b.round ? [] : unwrap(parseParents(later, context, roots));
    if (!isForkOf(a, b, parents)) {
        const expected = "two vertices of which neither has the other in its past";
        throw error("MS_CONTRADICTION", { expected });
    }
    const id = toHex(a.author);
    const where = `vertices ${a.id} of round ${a.round} and ${b.id} of round ${b.round}`;
    return { culprit: "collector", id, epoch: a.keyEpoch, where };
}

function logVerdict(
    { statements }: Contradiction,
    genesis: Genesis,
    networkId: Uint8Array,
): ProvenContradiction {
    const [first, second] = statements.map((bytes) =>
        unwrap(decodeText(bytes, NOTE_LIMITS.noteBytes)),
    ) as [string, string];
    const trust = { origin: originOf(networkId), publicKey: genesis.logKey };
    const split = checkSplitView(first, second, trust);
    if (!split.ok) {
        const isSigned = split.error.details.expected?.startsWith("two different roots");
        throw isSigned === true ? error("MS_CONTRADICTION", split.error.details) : split.error;
    }
    const { size } = split.value.heads[0];
    const where = `checkpoints of size ${size}`;
    return { culprit: "log", id: toHex(networkId), epoch: size, where };
}
