import { createLadder, type Ladder, SLOT_ORIGIN_UNIX, unwrap } from "@meterseal/core";
import {
    EVENT_KIND,
    EVENT_REASON,
    encodeEvent,
    type FlagRun,
    type MeterRecord,
    RECORD_CLASS,
    STREAM_MODE,
} from "@meterseal/record";
import {
    commitBoundaries,
    compactAddresses,
    newSealState,
    type OwnerKeys,
    ownerKeys,
    planBoundaries,
    planEvent,
    type SealedStream,
    type SealState,
    sealBoundaries,
} from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import { TestChain, type TestMeter, TestNetwork } from "@meterseal/testkit/records";
import {
    type BillBasis,
    type Period,
    type Prover,
    type PublishedTariff,
    parseTariffText,
    periodOf,
    readStream,
} from "../src/index.ts";

/** What a test home is made from. */
export type HomeOptions = {
    readonly zone?: string;
    readonly slotSeconds?: number;
    readonly groups?: readonly number[];
    /** Groups that are committed to; 0 for a stream without commitments. */
    readonly committed?: number;
};

/** Registers of a boundary by slot, one a channel. */
export type RegistersAt = (slot: number) => readonly bigint[];

/** A home whose meter seals and commits; readings are made by a function of the slot. */
export class Home {
    readonly ladder: Ladder;
    readonly committed: number;
    readonly master = testBytes("bill master", 32);
    readonly meter: TestMeter;
    readonly network: TestNetwork;
    readonly records: MeterRecord[] = [];
    readonly #chain: TestChain;
    #state: SealState;
    #keys: OwnerKeys;

    private constructor(network: TestNetwork, meter: TestMeter, ladder: Ladder, committed: number) {
        this.network = network;
        this.meter = meter;
        this.ladder = ladder;
        this.committed = committed;
        this.#chain = new TestChain(meter);
        this.#state = newSealState(0);
        this.#keys = unwrap(ownerKeys(this.master, this.stream()));
    }

    static async open(options: HomeOptions = {}): Promise<Home> {
        const { committed = 1, groups = [0], slotSeconds = 900, zone = "Europe/Berlin" } = options;
        const network = new TestNetwork();
        const descriptor = {
            slotSeconds,
            zone,
            mode: STREAM_MODE.sealed,
            ...(committed === 0 ? {} : { committed }),
        };
        const meter = await network.meter("bill", { groups, descriptor });
        return new Home(network, meter, unwrap(createLadder(zone, slotSeconds)), committed);
    }

    /** The stream as the keys see it. */
    stream(sealEpoch = 0): SealedStream {
        const { groups, slotSeconds, stream, suite } = this.meter.descriptor;
        return {
            streamId: stream,
            sealEpoch,
            suite,
            slotSeconds,
            groups: groups.map((group) => ({ group, channels: group === 15 ? 2 : 1 })),
        };
    }

    /** Slot of an instant. */
    slot(text: string): number {
        const unix = Date.parse(text) / 1000;
        return (unix - SLOT_ORIGIN_UNIX) / this.meter.descriptor.slotSeconds;
    }

    /** The next seal epoch, of another device or another key. */
    nextEpoch(): void {
        const sealEpoch = this.#state.sealEpoch + 1;
        this.#state = newSealState(sealEpoch);
        this.#keys = unwrap(ownerKeys(this.master, this.stream(sealEpoch)));
    }

    /** Seals the boundaries from … to (both included) in records of at most 96. */
    async seal(
        fromSlot: number,
        toSlot: number,
        registersAt: RegistersAt,
        flags: readonly FlagRun[] = [],
    ): Promise<void> {
        const { descriptor } = this.meter;
        for (let slot = fromSlot; slot <= toSlot; slot += 96) {
            const count = Math.min(96, toSlot - slot + 1);
            const plan = unwrap(planBoundaries(this.#state, this.ladder, slot, count));
            this.#state = plan.state;
            const registers = Array.from({ length: count }, (_, i) => registersAt(slot + i)).flat();
            const rows = { addresses: plan.addresses, registers };
            const record = await this.#chain.usage({
                ...unwrap(compactAddresses(descriptor.slotSeconds, slot, plan.addresses)),
                sealEpoch: this.#state.sealEpoch,
                values: { mode: "sealed", bytes: unwrap(sealBoundaries(this.#keys, rows)) },
                flags: flags
                    .filter(({ offset }) => offset >= slot && offset < slot + count)
                    .map((run) => ({ ...run, offset: run.offset - slot })),
                ...(this.committed === 0
                    ? {}
                    : { commitments: unwrap(commitBoundaries(this.#keys, this.committed, rows)) }),
            });
            this.records.push(record);
        }
    }

    /** Registers off the slot grid where the present seal epoch opens or closes. */
    async event(
        kind: keyof typeof EVENT_KIND,
        atUnix: number,
        registers: readonly bigint[],
    ): Promise<void> {
        const plan = unwrap(planEvent(this.#state));
        this.#state = plan.state;
        const { addresses } = plan;
        const rows = { addresses, registers };
        const { sealEpoch } = this.#state;
        const body = encodeEvent({
            stream: this.meter.descriptor.stream,
            sealEpoch,
            kind: EVENT_KIND[kind],
            reason: EVENT_REASON.exchange,
            atUnix,
            index: addresses[0]?.index ?? 0,
            groups: this.meter.descriptor.groups,
            values: { mode: "sealed", bytes: unwrap(sealBoundaries(this.#keys, rows)) },
            commitments: unwrap(commitBoundaries(this.#keys, this.committed, rows)),
            ...(kind === "opening" ? { before: { sealEpoch: sealEpoch - 1 } } : {}),
        });
        this.records.push(await this.#chain.other(RECORD_CLASS.billing, body));
    }

    get prover(): Prover {
        return {
            network: this.network.networkId,
            meter: this.meter.subject,
            master: this.master,
            stream: this.stream(),
            isMarketSeries: false,
        };
    }

    /** What a bill of a period is made over. */
    basis(tariff: PublishedTariff, period: Period): BillBasis {
        const recorded = unwrap(readStream(this.records, this.meter.descriptor.stream));
        return { recorded, tariff, period };
    }

    /** Period between two ISO instants with offsets. */
    period(from: string, to: string): Period {
        const unix = (text: string): number => Date.parse(text) / 1000;
        return unwrap(periodOf(unix(from), unix(to), this.meter.descriptor.slotSeconds));
    }
}

/** A published tariff from what people write, with a hash that its name decides. */
export function published(
    changes: Readonly<Record<string, unknown>>,
    series: PublishedTariff | null = null,
): PublishedTariff {
    const body = unwrap(
        parseTariffText({
            name: "test",
            currency: "EUR",
            zone: "Europe/Berlin",
            from: "2012-01-01",
            ...changes,
        }),
    );
    return { hash: testBytes(`tariff ${body.name}`, 32), body, series };
}

export const FLAT = { import: { price: "0.30" } };
export const DAY_NIGHT = {
    import: {
        bands: { day: "0.32", night: "0.21" },
        times: [{ band: "night", from: "22:00", to: "06:00" }],
    },
};
