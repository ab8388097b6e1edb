import { slotOfUnix, unixOfSlot, unwrap } from "@meterseal/core";
import type { Boundary, MeterMemory } from "@meterseal/meter";
import {
    channelCount,
    channelsOfGroup,
    FLAG,
    type MeterRecord,
    STREAM_MODE,
} from "@meterseal/record";
import {
    type KeyFile,
    type OpenBoundary,
    openSeries,
    USAGE_LEVELS,
    type UsageLevel,
    usageOfSeries,
} from "@meterseal/wallet";
import { testBytes, testSigner } from "./keys.ts";
import type { SeededRandom } from "./random.ts";
import type { TestMeter, TestNetwork } from "./records.ts";
import type { SimNotes } from "./sim-notes.ts";

const ZONES = ["Europe/London", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"] as const;
const SLOT_SECONDS = [900, 1800] as const;
/** Instants near which a simulation begins: changes of clocks, ends of months, plain days. */
const STARTS = ["2013-03-30T18:00Z", "2013-10-26T20:00Z", "2013-12-31T12:00Z", "2013-05-15T06:00Z"];

/** A household of a simulation: what its meter will measure, and the key that opens it. */
export type SimHousehold = {
    readonly name: string;
    readonly meter: TestMeter;
    readonly master: Uint8Array | null;
    /** What is measured, in order; slots may be missing between. */
    readonly truth: readonly Boundary[];
    readonly recordBoundaries: number;
    /** Of a meter that does not wait where it cannot send, and has room for little; null = it waits. */
    readonly memory: MeterMemory | null;
};

/** Draws the instant at which a simulation begins, seconds since 1970. */
export function drawStart(random: SeededRandom): number {
    return Date.parse(random.pick(STARTS)) / 1000;
}

/** Draws a household whose measurements begin at an instant. */
export async function drawHousehold(
    random: SeededRandom,
    network: TestNetwork,
    name: string,
    startUnix: number,
): Promise<SimHousehold> {
    const groups = random.pick([[0], [0, 1]]);
    const slotSeconds = random.pick(SLOT_SECONDS);
    const descriptor = { groups, zone: random.pick(ZONES), slotSeconds };
    const signer = testSigner(name, "edDsa");
    const meter = await network.meter(name, { signer, descriptor });
    const truth: Boundary[] = [];
    let slot = slotOfUnix(startUnix, slotSeconds);
    let registers = groups.map(() => BigInt(random.below(2 ** 31)));
    for (let left = 10 + random.below(20); left > 0; left--) {
        const missing = random.chance(0.1);
        if (!missing) registers = registers.map((wh) => wh + BigInt(random.below(4_000)));
        truth.push({ slot, registers, flag: missing ? FLAG.missing : 0 });
        slot += random.chance(0.08) ? 2 + random.below(5) : 1;
    }
    const sealed = network.mode === STREAM_MODE.sealed;
    return {
        name,
        meter,
        master: sealed ? testBytes(`master ${name}`, 32) : null,
        truth,
        recordBoundaries: 1 + random.below(6),
        memory: random.chance(0.3)
            ? { records: 1 + random.below(3), boundaries: 4 + random.below(8) }
            : null,
    };
}

/** The household's key file. */
function keyFileOf(household: SimHousehold, network: Uint8Array): KeyFile {
    const { descriptor, subject } = household.meter;
    return {
        name: household.name,
        network,
        meter: subject,
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
        master: household.master,
    };
}

/** Opens the records of a household and compares them with what was measured. */
export function checkRegisters(
    household: SimHousehold,
    network: Uint8Array,
    records: readonly MeterRecord[],
    notes: SimNotes,
): void {
    const { meter, name } = household;
    const series = unwrap(openSeries(keyFileOf(household, network), records));
    if (!isTrue(household, series)) notes.complain(`${name} opens to other registers`);
    const [first, last] = [series[0], series.at(-1)];
    if (first === undefined || last === undefined) {
        notes.complain(`${name} opens to nothing`);
        return;
    }
    if (first.unix !== unixOfSlot(first.slot, meter.descriptor.slotSeconds)) {
        notes.complain(`${name} has a boundary at another time`);
    }
    for (const level of Object.keys(USAGE_LEVELS) as UsageLevel[]) {
        const usage = usageOfSeries(series, level);
        const sum = usage.intervals.reduce((wh, { importWh }) => wh + (importWh ?? 0n), 0n);
        if (sum !== last.importWh - first.importWh || sum !== usage.totalImportWh) {
            notes.complain(`${name}: the sum of all ${level} intervals is not the difference`);
        }
    }
}

/**
 * Whether a series says what was measured, all of it and nothing else. A meter that does not wait may
 * have left slots out: as missing ones, without a watt-hour.
 */
function isTrue({ memory, meter, truth }: SimHousehold, series: readonly OpenBoundary[]): boolean {
    const hasExport = channelCount(meter.descriptor.groups) === 2;
    const shown = series.map(({ exportWh, flag, importWh, slot }) => ({
        slot,
        text: [importWh, exportWh, flag].join(),
        leftOut: [importWh, exportWh, FLAG.missing].join(),
    }));
    const wanted = new Map(
        truth.map(({ flag, registers, slot }) => [
            slot,
            [registers[0], hasExport ? registers[1] : null, flag].join(),
        ]),
    );
    if (memory === null && shown.length !== truth.length) return false;
    return shown.every(({ slot, text }, i) => {
        if (wanted.get(slot) === text) return true;
        return memory !== null && text === shown[i - 1]?.leftOut;
    });
}
