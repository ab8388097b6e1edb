import {
    airtimeSeconds,
    type DeviceCosts,
    devicesPerChannel,
    devicesPerGateway,
    devicesPerServer,
    type Load,
    type Machine,
} from "./capacity.ts";
import type { Row } from "./report.ts";
import type { Shape, Signing } from "./stage-meter.ts";

/** Names of algorithms as COSE has them. */
export const NAMES: Readonly<Record<Signing, string>> = {
    es256: "ES256",
    ps256: "PS256",
    edDsa: "EdDSA",
};

/** How often devices are read, in seconds: P4's question. */
export const INTERVALS = [1, 60, 900] as const;
/** Readings of a record: one as it comes, or 96. */
export const READINGS = [1, 96] as const;
/** Shapes of records that are measured. */
export const SHAPES: readonly Shape[] = READINGS.flatMap((readings) =>
    [1, 2].map((registers) => ({ readings, registers })),
);
/** Algorithms that capacities are worked out for. */
export const PLANNED = ["es256", "ps256"] as const;

/** What a server may use of its cores, and a gateway of one of its own. */
const [SERVER_SHARE, GATEWAY_SHARE] = [0.7, 0.5];
/** Of a channel that everybody sends on when he likes, more are collisions (ALOHA). */
const CHANNEL_SHARE = 0.18;
/** A radio that is a serial line of 9,600 baud: ten bits a byte, half of it used. */
const PIPE = { name: "HC-12 at 9,600 baud", bitsPerSecond: 9_600 * 0.8, share: 0.5 };
/** Bytes of LoRaWAN around a payload. */
const LORAWAN_BYTES = 13;
const RADIO = [
    { name: "LoRa SF12, a light reading of 51 bytes", bytes: 51, spreadingFactor: 12 },
    { name: "LoRa SF9, a signed record of 115 bytes", bytes: 115, spreadingFactor: 9 },
    { name: "LoRa SF7, a signed record of 115 bytes", bytes: 115, spreadingFactor: 7 },
];

/** Name of a shape in rows. */
export function shapeName({ readings, registers }: Shape): string {
    const of = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
    return `${of(readings, "reading")}, ${of(registers, "register")}`;
}

/** Name of a load in rows. */
export function loadName({ intervalSeconds, readings }: Load): string {
    return `each ${intervalSeconds} s, ${readings} a record`;
}

/** A number of its own. */
export function row(what: string, value: number, unit: string): Row {
    return { what, ours: { value, unit }, against: null, ratio: null, target: null };
}

/** How many devices, by algorithm, interval and readings of a record. */
export function capacityRows(
    costs: (signing: Signing, readings: number) => DeviceCosts,
    slowness: number,
    cores: number,
): Row[] {
    const gateway: Machine = { slowness, cores: 1, share: GATEWAY_SHARE };
    const server: Machine = { slowness: 1, cores, share: SERVER_SHARE };
    return PLANNED.flatMap((signing) =>
        loads().flatMap((load) => {
            const cost = costs(signing, load.readings);
            const perGateway = devicesPerGateway(cost, load, gateway);
            const perServer = devicesPerServer(cost, load, server);
            const name = `${NAMES[signing]}, ${loadName(load)}`;
            return [
                row(`devices a gateway: ${name}`, perGateway, "devices"),
                row(`devices a server: ${name}`, perServer, "devices"),
                row(`full gateways a server: ${name}`, perServer / perGateway, "gateways"),
            ];
        }),
    );
}

/** All loads. */
export function loads(): Load[] {
    return INTERVALS.flatMap((intervalSeconds) =>
        READINGS.map((readings) => ({ intervalSeconds, readings })),
    );
}

/** How many devices share a radio. */
export function channelRows(frameBytes: (readings: number) => number): Row[] {
    const pipe = loads().map((load) => {
        const bytes = frameBytes(load.readings);
        const devices = devicesPerChannel(PIPE.bitsPerSecond, PIPE.share, bytes, load);
        return row(`devices on ${PIPE.name}: ES256, ${loadName(load)}`, devices, "devices");
    });
    const air = RADIO.flatMap(({ bytes, name, spreadingFactor }) => {
        const seconds = airtimeSeconds(bytes + LORAWAN_BYTES, spreadingFactor);
        return [
            row(`${name}: on air`, seconds, "s"),
            ...INTERVALS.slice(1).map((interval) =>
                row(
                    `${name}: devices a channel, each ${interval} s`,
                    Math.floor((CHANNEL_SHARE * interval) / seconds),
                    "devices",
                ),
            ),
        ];
    });
    return [...pipe, ...air];
}

/** What the capacities assume, one line each. */
export const ASSUMED: readonly string[] = [
    `a gateway uses ${GATEWAY_SHARE * 100} % of one core of a Raspberry Pi 4, a server ${SERVER_SHARE * 100} % of this machine; a gateway reads a line of each sensor a second, whatever the interval; no server has more than the million meters that suite state has gone to`,
    `radio in turn: half of a serial pipe; ${CHANNEL_SHARE * 100} % of a LoRa channel, beyond which unordered senders lose more to collisions than they gain; the law's share of air time (1 % or 10 % a device) is another bound`,
];
