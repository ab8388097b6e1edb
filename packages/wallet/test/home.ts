import { createLadder, unwrap } from "@meterseal/core";
import {
    channelsOfGroup,
    createRecord,
    createUsageRecord,
    type MeterRecord,
    parseRecord,
    STREAM_MODE,
} from "@meterseal/record";
import {
    commitBoundaries,
    compactAddresses,
    encodeFlags,
    type Flag,
    newSealState,
    ownerKeys,
    planBoundaries,
    sealBoundaries,
} from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import { type TestMeter, TestNetwork } from "@meterseal/testkit/records";
import type { KeyFile } from "../src/index.ts";

/** Registers at one slot. */
export type Reading = {
    readonly slot: number;
    readonly registers: readonly bigint[];
    readonly flag?: Flag;
};

/** What a home may be given. */
export type HomeOptions = {
    readonly zone?: string;
    readonly slotSeconds?: number;
    readonly groups?: readonly number[];
    readonly scale?: number;
    readonly mode?: number;
    readonly name?: string;
    /** Commits to the first so many groups. */
    readonly committed?: number;
};

/** A home: its key file, and records of its meter as a ledger has them. */
export class Home {
    readonly network: TestNetwork;
    readonly meter: TestMeter;
    readonly key: KeyFile;
    #seal = newSealState(0);
    #seq = 0;
    #head: Uint8Array;

    private constructor(network: TestNetwork, meter: TestMeter) {
        this.network = network;
        this.meter = meter;
        this.#head = meter.enrolment.message.hash;
        const { descriptor } = meter;
        this.key = {
            name: "home",
            network: network.networkId,
            meter: meter.subject,
            stream: {
                streamId: descriptor.stream,
                sealEpoch: descriptor.sealEpoch,
                suite: descriptor.suite,
                slotSeconds: descriptor.slotSeconds,
                groups: descriptor.groups.map((group) => ({
                    group,
                    channels: channelsOfGroup(group) === 2 ? 2 : 1,
                })),
            },
            zone: descriptor.zone,
            scale: descriptor.scale,
            master: descriptor.mode === STREAM_MODE.sealed ? testBytes("home master", 32) : null,
        };
    }

    static async create({ groups, mode, name = "home", ...rest }: HomeOptions = {}): Promise<Home> {
        const network = new TestNetwork(`network of ${name}`, mode);
        const meter = await network.meter(name, { descriptor: rest, groups: groups ?? [0] });
        return new Home(network, meter);
    }

    /**
     * The next record, over consecutive readings, dated a second after the last one; a meter that lies
     * commits to other readings than it seals.
     */
    async record(
        readings: readonly Reading[],
        timeUnix?: number,
        committedReadings: readonly Reading[] = readings,
    ): Promise<MeterRecord> {
        const { descriptor, signer, subject } = this.meter;
        const first = readings[0] as Reading;
        const ladder = unwrap(createLadder(descriptor.zone, descriptor.slotSeconds));
        const plan = unwrap(planBoundaries(this.#seal, ladder, first.slot, readings.length));
        this.#seal = plan.state;
        const registers = readings.flatMap((reading) => reading.registers);
        const { committed } = descriptor;
        const committedRegisters = committedReadings.flatMap((reading) => reading.registers);
        const { addresses } = plan;
        const { master, stream } = this.key;
        const lastUnix = 946_684_800 + (first.slot + readings.length - 1) * descriptor.slotSeconds;
        const bytes = await createUsageRecord(
            signer,
            {
                seq: ++this.#seq,
                timeUnix: timeUnix ?? lastUnix + 1,
                chainEpoch: 0,
                prev: this.#head,
                subject,
            },
            {
                stream: descriptor.stream,
                sealEpoch: descriptor.sealEpoch,
                groups: descriptor.groups,
                values:
                    master === null
                        ? { mode: "open", registers }
                        : {
                              mode: "sealed",
                              bytes: unwrap(
                                  sealBoundaries(unwrap(ownerKeys(master, stream)), {
                                      addresses,
                                      registers,
                                  }),
                              ),
                          },
                ...unwrap(compactAddresses(descriptor.slotSeconds, first.slot, addresses)),
                flags: encodeFlags(readings.map(({ flag = 0 }) => flag)),
                ...(descriptor.scale === 0 ? {} : { scale: descriptor.scale }),
                ...(committed === undefined || master === null
                    ? {}
                    : {
                          commitments: unwrap(
                              commitBoundaries(unwrap(ownerKeys(master, stream)), committed, {
                                  addresses,
                                  registers: committedRegisters,
                              }),
                          ),
                      }),
            },
        );
        return this.#next(bytes);
    }

    /** The next record with a free body, dated like the epoch. */
    async other(recordClass: number, body: unknown): Promise<MeterRecord> {
        const place = { seq: ++this.#seq, timeUnix: 1_700_000_000, chainEpoch: 0 };
        const { signer, subject } = this.meter;
        const payload = { ...place, prev: this.#head, subject, recordClass, body };
        return this.#next(await createRecord(signer, payload));
    }

    #next(bytes: Uint8Array): MeterRecord {
        const record = unwrap(parseRecord(bytes));
        this.#head = record.message.hash;
        return record;
    }
}

/** Consecutive readings of one register that grows by the given amounts. */
export function grow(slot: number, start: bigint, amounts: readonly number[]): Reading[] {
    let register = start;
    return amounts.map((amount, i) => {
        register += BigInt(amount);
        return { slot: slot + i, registers: [register] };
    });
}
