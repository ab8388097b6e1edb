import { type Signer, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import {
    createVertex,
    genesisVertexIds,
    parseVertex,
    summarizeBody,
    type Vertex,
} from "@meterseal/ledger";
import {
    createRecord,
    createUsageRecord,
    type MeterRecord,
    parseRecord,
    RECORD_CLASS,
} from "@meterseal/record";

/** A usage record to make; what is left out has a value that fits. */
export type SampleRecord = {
    /** Number of the subject: 1 … 255. */
    readonly subject?: number;
    readonly chainEpoch?: number;
    readonly seq: number;
    /** Register boundaries in the record. */
    readonly count?: number;
    readonly timeUnix?: number;
};

const NETWORK = new Uint8Array(32).fill(7);
const START_UNIX = 1_356_998_400; // 2013-01-01T00:00Z

/** Makes signed records and vertices for tests of stores; parsing them gives what a collector has. */
export class StoreSamples {
    readonly signer: Signer = signerFromPem(generatePrivateKeyPem("es256"));
    #round = 0;

    /** Subject of a number, 16 bytes. */
    subject(number = 1): Uint8Array {
        return new Uint8Array(16).fill(number);
    }

    /** One sealed usage record; consecutive sequence numbers hold consecutive slots. */
    async usage(sample: SampleRecord): Promise<MeterRecord> {
        const { subject = 1, chainEpoch = 0, seq, count = 8 } = sample;
        const bytes = await createUsageRecord(
            this.signer,
            { ...this.#place(subject, chainEpoch, seq), timeUnix: sample.timeUnix ?? timeOf(seq) },
            {
                stream: this.subject(subject),
                sealEpoch: 0,
                slotSeconds: 900,
                firstSlot: 455_800_000 + (seq - 1) * count,
                count,
                groups: [0],
                values: { mode: "sealed", bytes: new Uint8Array(count * 8).fill(seq) },
                hourPhaseSeconds: 0,
                exceptions: [],
                flags: [],
            },
        );
        return unwrap(parseRecord(bytes));
    }

    /** Usage records with sequence numbers from 1 on. */
    chain(length: number, sample: Omit<SampleRecord, "seq"> = {}): Promise<MeterRecord[]> {
        return Promise.all(Array.from({ length }, (_, i) => this.usage({ ...sample, seq: i + 1 })));
    }

    /** A warning record whose body is a byte string of this length: it has no slots. */
    async warning(seq: number, bodyBytes: number, subject = 1): Promise<MeterRecord> {
        const bytes = await createRecord(this.signer, {
            ...this.#place(subject, 0, seq),
            recordClass: RECORD_CLASS.warning,
            timeUnix: timeOf(seq),
            body: new Uint8Array(bodyBytes).fill(0xa5),
        });
        return unwrap(parseRecord(bytes));
    }

    /** The same record under another signature: equal hash, other bytes. */
    async signedAgain({ message: _, ...payload }: MeterRecord): Promise<MeterRecord> {
        return unwrap(parseRecord(await createRecord(this.signer, payload)));
    }

    /** A vertex over sorted records. */
    async vertex(records: readonly MeterRecord[]): Promise<Vertex> {
        const bytes = await createVertex(this.signer, {
            ...summarizeBody(records),
            net: NETWORK,
            author: this.subject(255),
            keyEpoch: 0,
            round: ++this.#round,
            parents: genesisVertexIds(NETWORK),
            seen: { size: 0, root: new Uint8Array(32) },
        });
        return unwrap(parseVertex(bytes));
    }

    /** The same vertex under another signature: equal id, other bytes. */
    async vertexSignedAgain({ id: _id, message: _message, ...header }: Vertex): Promise<Vertex> {
        return unwrap(parseVertex(await createVertex(this.signer, header)));
    }

    #place(
        subject: number,
        chainEpoch: number,
        seq: number,
    ): Pick<MeterRecord, "subject" | "chainEpoch" | "seq" | "prev"> {
        return { subject: this.subject(subject), chainEpoch, seq, prev: new Uint8Array(32) };
    }
}

function timeOf(seq: number): number {
    return START_UNIX + seq * 7200;
}
