import { randomBytes } from "node:crypto";
import { createLadder, type Signer, unwrap } from "@meterseal/core";
import {
    accept,
    createVertex,
    type Entry,
    encodeGenesis,
    entryLeafHash,
    type FollowedEntry,
    genesisVertexIds,
    type ImagedLedger,
    MerkleLog,
    messageOf,
    originOf,
    parseEntry,
    signCheckpoint,
    stateOfGenesis,
    summarizeBody,
    Tips,
} from "@meterseal/ledger";
import {
    createEnrolment,
    createUsageRecord,
    type MeterRecord,
    parseRecord,
    ROLE,
    STREAM_MODE,
} from "@meterseal/record";
import { compactAddresses, newSealState, planBoundaries } from "@meterseal/seal";
import type { ServerStore } from "@meterseal/stores/sqlite";
import { FIRST_SLOT, SLOT_SECONDS, ZONE } from "./meters.ts";

const READINGS = 96;
const VERTEX_RECORDS = 200;
const TIME_UNIX = 1_400_000_000;
const TIME_MS = 1_500_000_000_000;
/** Good in form; the start of an engine checks no signature again. */
const SIGNATURE = new Uint8Array(64).fill(1);

const bytes = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** Who signs what a server's log begins with. */
export type ManyMetersKeys = {
    readonly operator: Signer;
    readonly collector: Signer;
    readonly log: Signer;
    /** Author id of the collector, 16 bytes. */
    readonly author: Uint8Array;
};

/** A meter's key, whose signatures nobody checks at a start. */
function signerOf(): Signer {
    const publicKey = { algorithm: -7, x: bytes(32), y: bytes(32) } as const;
    return { publicKey, sign: () => Promise.resolve(SIGNATURE) };
}

/** A ledger that grows by enrolments and vertices, as an engine replays them from its log. */
export class ManyMeters {
    readonly genesis: Uint8Array;
    readonly ledger: ImagedLedger;
    readonly #keys: ManyMetersKeys;
    readonly #store: ServerStore;
    readonly #tips: Tips;
    readonly #addresses: ReturnType<typeof compactAddresses>;
    #block: Omit<FollowedEntry, "checkpoint">[] = [];

    /** @param store - takes the log in, some entries at a time. */
    constructor(store: ServerStore, keys: ManyMetersKeys) {
        this.#store = store;
        this.#keys = keys;
        this.genesis = encodeGenesis({
            operator: keys.operator.publicKey,
            logKey: keys.log.publicKey,
            createdUnix: TIME_UNIX,
            nonce: bytes(16),
            mode: STREAM_MODE.sealed,
        });
        this.ledger = { state: unwrap(stateOfGenesis(this.genesis)), log: new MerkleLog() };
        const vertices = genesisVertexIds(this.ledger.state.networkId);
        this.#tips = new Tips(keys.author, vertices);
        const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
        const { addresses } = unwrap(planBoundaries(newSealState(0), ladder, FIRST_SLOT, READINGS));
        this.#addresses = compactAddresses(SLOT_SECONDS, FIRST_SLOT, addresses);
    }

    /** Begins the log: enrols the collector. */
    async begin(): Promise<void> {
        await this.#store.initialize(this.genesis);
        const { author, collector } = this.#keys;
        await this.#enrol(ROLE.collector, author, collector, []);
    }

    /** Enrols so many meters, each with one stream, and takes a record of 96 readings of each. */
    async add(count: number): Promise<void> {
        for (let done = 0; done < count; ) {
            const records: MeterRecord[] = [];
            while (records.length < Math.min(VERTEX_RECORDS, count - done)) {
                records.push(await this.#meter());
            }
            await this.#vertex(records);
            done += records.length;
            await this.#flush();
        }
    }

    /** Writes what is new to the store, each entry with its checkpoint. */
    async #flush(): Promise<void> {
        const { log, state } = this.ledger;
        const origin = originOf(state.networkId);
        const entries: FollowedEntry[] = [];
        for (const entry of this.#block.splice(0)) {
            const { log: signer } = this.#keys;
            const root = log.root(entry.size);
            const checkpoint = await signCheckpoint(signer, origin, entry.size, root);
            entries.push({ ...entry, checkpoint });
        }
        await this.#store.followLog(entries);
    }

    async #meter(): Promise<MeterRecord> {
        const signer = signerOf();
        const [subject, stream] = [bytes(16), bytes(16)];
        const groups = [0];
        const descriptor = {
            stream,
            sealEpoch: 0,
            suite: 1,
            slotSeconds: SLOT_SECONDS,
            zone: ZONE,
            groups,
            mode: STREAM_MODE.sealed,
            scale: 0,
        };
        const prev = await this.#enrol(ROLE.meter, subject, signer, [descriptor]);
        const payload = { seq: 1, timeUnix: TIME_UNIX, chainEpoch: 0, prev, subject };
        const record = await createUsageRecord(signer, payload, {
            stream,
            sealEpoch: 0,
            groups,
            values: { mode: "sealed", bytes: new Uint8Array(READINGS * 8) },
            ...unwrap(this.#addresses),
            flags: [],
        });
        return unwrap(parseRecord(record));
    }

    async #enrol(
        role: number,
        id: Uint8Array,
        signer: Signer,
        streams: Parameters<typeof createEnrolment>[1]["streams"],
    ): Promise<Uint8Array> {
        const item = await createEnrolment(this.#keys.operator, {
            network: this.ledger.state.networkId,
            role,
            id,
            key: signer.publicKey,
            timeUnix: TIME_UNIX,
            epoch: 0,
            streams,
        });
        return messageOf(this.#take(item, [])).hash;
    }

    async #vertex(records: MeterRecord[]): Promise<void> {
        records.sort((a, b) => Buffer.compare(a.subject, b.subject));
        const item = await createVertex(this.#keys.collector, {
            net: this.ledger.state.networkId,
            author: this.#keys.author,
            keyEpoch: 0,
            ...this.#tips.next(),
            seen: { size: 0, root: new Uint8Array(32) },
            ...summarizeBody(records),
        });
        this.#take(item, records);
    }

    #take(item: Uint8Array, records: readonly MeterRecord[]): Entry {
        const { log, state } = this.ledger;
        const parsed = unwrap(parseEntry(item, []));
        const entry = parsed.kind === "vertex" ? { ...parsed, records } : parsed;
        const { outcomes } = unwrap(accept(state, entry, TIME_MS, () => true));
        if (outcomes.some(({ kind }) => kind !== "accepted")) throw new Error("not accepted");
        log.append(entryLeafHash({ timeMs: TIME_MS, item }));
        const vertexId = entry.kind === "vertex" ? entry.vertex.id.bytes : null;
        this.#block.push({ entry: { timeMs: TIME_MS, item }, vertexId, records, size: log.size });
        if (entry.kind === "vertex") this.#tips.add(entry.vertex, log.size);
        return entry;
    }
}
