import { randomBytes } from "node:crypto";
import { createLadder, type Ladder, type Signer, unixOfSlot, unwrap } from "@meterseal/core";
import { type FileKeyKind, generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { sealedStreamOf } from "@meterseal/meter";
import {
    createUsageRecord,
    parseRecord,
    STREAM_MODE,
    type StreamDescriptor,
} from "@meterseal/record";
import {
    compactAddresses,
    newSealState,
    type OwnerKeys,
    ownerKeys,
    planBoundaries,
    sealBoundaries,
} from "@meterseal/seal";

/** Seconds of a slot in all suites but the replay. */
export const SLOT_SECONDS = 900;
/** 2013-01-01T00:00Z as a slot of 900 s. */
export const FIRST_SLOT = 455_904;
/** Zone of all benchmark meters. */
export const ZONE = "Europe/London";

/** Group ids for a number of channels: import, export, further registers. */
export const GROUPS_OF: Readonly<Record<number, readonly number[]>> = {
    1: [0],
    2: [0, 1],
    4: [0, 1, 3, 4],
};

/** A meter that can cross a process boundary. */
export type BenchMeter = {
    readonly subject: Uint8Array;
    readonly pem: string;
    readonly master: Uint8Array;
    readonly stream: StreamDescriptor;
};

/** Makes meters with keys of their own, P-256 unless said otherwise. */
export function makeMeters(
    count: number,
    channels: number,
    signing: FileKeyKind = "es256",
): BenchMeter[] {
    return Array.from({ length: count }, () => ({
        subject: new Uint8Array(randomBytes(16)),
        pem: generatePrivateKeyPem(signing),
        master: new Uint8Array(randomBytes(32)),
        stream: {
            stream: new Uint8Array(randomBytes(16)),
            sealEpoch: 0,
            suite: 1,
            slotSeconds: SLOT_SECONDS,
            zone: ZONE,
            groups: GROUPS_OF[channels] ?? [],
            mode: STREAM_MODE.sealed,
            scale: 0,
        },
    }));
}

/** Energy of a slot in Wh: differs by meter, slot and channel, always the same. */
export function energyWh(meter: number, slot: number, channel: number): number {
    return (slot * 7919 + meter * 104_729 + channel * 1_299_709) % 1500;
}

const ladder: Ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));

/** Seals, signs and chains a meter's records as its agent does, without a disk. */
export class ChainWriter {
    readonly meter: BenchMeter;
    readonly signer: Signer;
    readonly keys: OwnerKeys;
    readonly #number: number;
    readonly #registers: bigint[];
    #head: Uint8Array;
    #seq = 1;
    #slot = FIRST_SLOT;
    #seal = newSealState(0);

    constructor(meter: BenchMeter, number: number, anchor: Uint8Array) {
        this.meter = meter;
        this.signer = signerFromPem(meter.pem);
        this.keys = unwrap(ownerKeys(meter.master, sealedStreamOf(meter.stream)));
        this.#number = number;
        this.#registers = meter.stream.groups.map(() => 0n);
        this.#head = anchor;
    }

    /** The next record of so many readings, as it travels. */
    async next(count: number): Promise<Uint8Array> {
        const { groups, slotSeconds, stream } = this.meter.stream;
        const firstSlot = this.#slot;
        const plan = unwrap(planBoundaries(this.#seal, ladder, firstSlot, count));
        const registers: bigint[] = [];
        for (let slot = firstSlot; slot < firstSlot + count; slot++) {
            for (let channel = 0; channel < groups.length; channel++) {
                const grown = BigInt(energyWh(this.#number, slot, channel));
                this.#registers[channel] = (this.#registers[channel] ?? 0n) + grown;
                registers.push(this.#registers[channel] ?? 0n);
            }
        }
        const { addresses, state } = plan;
        const bytes = await createUsageRecord(
            this.signer,
            {
                seq: this.#seq++,
                timeUnix: unixOfSlot(firstSlot + count - 1, slotSeconds),
                chainEpoch: 0,
                prev: this.#head,
                subject: this.meter.subject,
            },
            {
                stream,
                sealEpoch: 0,
                groups,
                values: {
                    mode: "sealed",
                    bytes: unwrap(sealBoundaries(this.keys, { addresses, registers })),
                },
                ...unwrap(compactAddresses(slotSeconds, firstSlot, addresses)),
                flags: [],
            },
        );
        this.#seal = state;
        this.#slot += count;
        this.#head = unwrap(parseRecord(bytes)).message.hash;
        return bytes;
    }
}
