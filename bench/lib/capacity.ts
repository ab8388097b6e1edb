/** Microseconds here, of CPU unless said otherwise, for one device. */
export type DeviceCosts = {
    /** Of a line of the sensor, once a second. */
    readonly line: number;
    /** Of a record at the gateway: made, and kept on its disk. */
    readonly record: number;
    /** By the clock, that the gateway waits for its disk with each record. */
    readonly disk: number;
    /** Of a record at the server. */
    readonly server: number;
};

/** How often a device is read, and how many readings are sent together. */
export type Load = { readonly intervalSeconds: number; readonly readings: number };

/** What a machine gives: its slowness against this one, its cores, and how much of them may be used. */
export type Machine = { readonly slowness: number; readonly cores: number; readonly share: number };

const MICRO = 1e6;

function budgetUs({ cores, share, slowness }: Machine): number {
    return (MICRO * cores * share) / slowness;
}

/**
 * Devices that a gateway reads, seals and signs for. Its one thread waits for the disk, which is no
 * slower than the one here.
 */
export function devicesPerGateway(
    { disk, line, record }: DeviceCosts,
    load: Load,
    { cores, share, slowness }: Machine,
): number {
    const seconds = load.intervalSeconds * load.readings;
    const perSecond = slowness * (line + record / seconds) + disk / seconds;
    return Math.floor((MICRO * cores * share) / perSecond);
}

/** Meters of the largest ledger that was measured (suite `state`): memory is the bound beyond it. */
export const STATE_METERS = 1_000_000;

/** Devices whose records a server takes, at most {@link STATE_METERS}. */
export function devicesPerServer({ server }: DeviceCosts, load: Load, machine: Machine): number {
    const perSecond = budgetUs(machine) / server;
    const devices = Math.floor(perSecond * load.intervalSeconds * load.readings);
    return Math.min(STATE_METERS, devices);
}

/** Devices that share a line or a channel of so many bits a second, used so far, in turn. */
export function devicesPerChannel(
    bitsPerSecond: number,
    share: number,
    bytes: number,
    load: Load,
): number {
    const seconds = load.intervalSeconds * load.readings;
    return Math.floor((bitsPerSecond * share * seconds) / (bytes * 8));
}

const BANDWIDTH_HZ = 125_000;
const [PREAMBLE_SYMBOLS, CODING_RATE] = [8, 1];

/** Seconds that a LoRa frame is on air: 125 kHz, coding rate 4/5, header and check (Semtech AN1200.13). */
export function airtimeSeconds(bytes: number, spreadingFactor: number): number {
    const symbol = 2 ** spreadingFactor / BANDWIDTH_HZ;
    const isSlow = spreadingFactor >= 11 ? 1 : 0;
    const bits = 8 * bytes - 4 * spreadingFactor + 28 + 16;
    const blocks = Math.ceil(bits / (4 * (spreadingFactor - 2 * isSlow)));
    const symbols = 8 + Math.max(0, blocks) * (CODING_RATE + 4);
    return (PREAMBLE_SYMBOLS + 4.25 + symbols) * symbol;
}
