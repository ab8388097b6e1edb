import { error, type Log } from "@meterseal/core";
import { unitOfMedium } from "@meterseal/record";
import type { P1Keys } from "@meterseal/telegram";
import type { Bridge } from "../bridge/bridge.ts";
import { MAP_NAMES } from "../bridge/modbus/address.ts";
import { openModbusSource } from "../bridge/modbus/source.ts";
import { openMqttSource } from "../bridge/mqtt-source.ts";
import { openObservedDevice } from "../bridge/observed.ts";
import { type Gateway, openGateway } from "../bridge/open-gateway.ts";
import { openSource } from "../bridge/source.ts";
import {
    encryptedReader,
    type FrameCounter,
    PROTOCOLS,
    type TelegramReader,
    type TelegramSource,
    telegramsOf,
    wirelessReader,
} from "../bridge/telegrams.ts";
import {
    type Command,
    integerOption,
    type OptionSpec,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { consoleLog, counted, out, say } from "../console.ts";
import { requireNoRefusal } from "../device/agent.ts";
import type { Device } from "../device/device.ts";
import { collectorOf, collectorOptions } from "../device/link.ts";
import { EXIT } from "../exit-codes.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";
import { bridgeLorawan } from "./bridge-lorawan.ts";
import { readTelegramKeys } from "./telegram-keys.ts";

/** Highest OBIS group B of a meter behind a port. */
const CHANNEL_MAX = 64;
const TICK_MS = 1_000;

const source = (what: string): OptionSpec => ({
    kind: "value",
    value: "SOURCE",
    help: `${what}: a serial device, a file, or tcp://HOST:PORT`,
});

/** `meterseal bridge`: a gateway that reads a meter which cannot sign, and signs for it. */
export const bridgeCommand: Command = {
    name: "bridge",
    summary: "reads a meter's local port, seals and signs what it says as a gateway",
    options: {
        dir: {
            kind: "value",
            value: "DIR",
            help: "directory of the gateway, made by meter init --observed",
        },
        also: {
            kind: "values",
            value: "DIR",
            help: "a further gateway on the same line, such as one of gas; may be given again",
        },
        p1: source("DSMR P1, also encrypted"),
        sml: source("SML"),
        iec62056: source("IEC 62056-21, what a meter pushes"),
        mbus: source("M-Bus long frames"),
        wmbus: source("wireless M-Bus, lines of a receiver such as rtl_wmbus"),
        number: {
            kind: "value",
            value: "DIGITS",
            help: "number of the wireless meter, 8 digits as on its face",
        },
        serial: source("lines of the current sensor of firmware/acs712"),
        zigbee2mqtt: {
            kind: "value",
            value: "URL",
            help: "a plug or meter that Zigbee2MQTT, Tasmota or Shelly publishes: mqtt://HOST:PORT/TOPIC",
        },
        modbus: {
            kind: "value",
            value: "ADDRESS",
            help: `a Modbus meter: tcp://HOST:502?unit=1&map=NAME, rtu+tcp://… or a serial device; maps: ${MAP_NAMES.join(", ")}`,
        },
        lorawan: {
            kind: "value",
            value: "URL",
            help: "devices behind gateways with a packet forwarder, for which this listens: udp://HOST:PORT; or a network server: mqtt://HOST:PORT/application/ID, mqtts://HOST:PORT/v3/APP@TENANT",
        },
        devices: { kind: "value", value: "FILE", help: "list of LoRaWAN devices, mode 600" },
        api: {
            kind: "value",
            value: "URL",
            help: "server that shows LoRaWAN readings which no signature covers yet, such as http://127.0.0.1:8480",
        },
        keys: {
            kind: "value",
            value: "FILE",
            help: "keys of an encrypted P1 port, encryption and authentication key, or of a wireless meter, mode 600",
        },
        baud: { kind: "value", value: "N", help: "speed of the serial device (as it is set)" },
        channel: {
            kind: "value",
            value: "N",
            help: "which meter behind the port: OBIS group B (0), or the number of a sub-meter",
        },
        "meter-time": {
            kind: "flag",
            help: "dates telegrams by the meter's clock alone, also where it is far from ours",
        },
        "send-every": {
            kind: "value",
            value: "SECONDS",
            help: "longest time between two records (3600)",
        },
        ...collectorOptions("the collector"),
        json: { kind: "flag", help: "prints the result as JSON" },
    },
    examples: [
        "meterseal bridge --dir gateway --p1 /dev/ttyUSB0 --baud 115200 --to mqtt://127.0.0.1:1883",
        "meterseal bridge --dir gateway --sml tcp://127.0.0.1:7700 --to mqtt://127.0.0.1:1883",
        "meterseal bridge --dir gateway --p1 day.txt --to mqtt://127.0.0.1:1883",
        "meterseal bridge --dir gateway --modbus 'tcp://192.0.2.7?unit=1&map=sunspec' --to mqtt://127.0.0.1:1883",
        "meterseal bridge --dir water --wmbus tcp://127.0.0.1:7788 --number 10380010 --keys key.txt --to mqtt://127.0.0.1:1883",
        "meterseal bridge --lorawan udp://127.0.0.1:1700 --devices lora/devices.json --to mqtt://127.0.0.1:1883",
    ],
    async run(options) {
        const lorawan = textOption(options, "lorawan");
        if (lorawan !== undefined) return await bridgeLorawan(options, lorawan);
        const directories = [requiredOption(options, "dir", "DIR"), ...alsoOption(options)];
        const target = collectorOf(options);
        const log = consoleLog("bridge");
        const counter: FrameCounter = { value: -1 };
        const line = sourceOf(options, counter, log);
        const channel = channelOption(options);
        const plan = {
            ...{ target, log, counter, isFinite: line.isFinite },
            byMeterClock: line.isFinite || options["meter-time"] === true,
            sendEverySeconds: integerOption(options, "send-every", {
                min: 1,
                max: 86_400,
                byDefault: 3_600,
            }),
        };
        const devices = directories.map(openObservedDevice);
        const signal = shutdownSignal();
        const gateways: Gateway[] = [];
        try {
            for (const [i, directory] of directories.entries()) {
                const own = { ...plan, channel: i === 0 ? channel : null };
                gateways.push(await openGateway(directory, devices[i] as Device, own));
            }
            await pump(gateways, line, signal);
            for (const gateway of gateways) report(gateway, options.json === true);
            return EXIT.ok;
        } finally {
            for (const { close } of gateways) await close();
        }
    },
};

/** Reads until the end or Ctrl-C, and waits for what is sealed to become final while nobody hurries. */
async function pump(
    gateways: readonly Gateway[],
    line: TelegramSource,
    signal: AbortSignal,
): Promise<void> {
    const failed = Promise.withResolvers<never>();
    let turn: Promise<void> = Promise.resolve();
    const inTurn = (step: (bridge: Bridge) => Promise<void>): Promise<void> => {
        turn = turn.then(async () => {
            for (const { bridge } of gateways) await step(bridge);
        });
        turn.catch(failed.reject);
        return turn;
    };
    const ticks = line.isFinite
        ? null
        : setInterval(() => void inTurn((bridge) => bridge.advance()), TICK_MS);
    try {
        const reading = line.read((results) => inTurn((bridge) => bridge.take(results)), signal);
        await Promise.race([reading, failed.promise, untilAborted(signal)]);
        await turn;
    } finally {
        if (ticks !== null) clearInterval(ticks);
    }
    for (const { bridge } of gateways) await bridge.finish();
    const settled = Promise.all(gateways.map(({ agent }) => agent.settled()));
    await Promise.race([settled, untilAborted(signal)]);
}

/** Further gateways on the same line. */
function alsoOption({ also }: Options): readonly string[] {
    return Array.isArray(also) ? also : [];
}

/** Which of the meters behind the port; null where it is not said. */
function channelOption(options: Options): number | null {
    if (textOption(options, "channel") === undefined) return null;
    return integerOption(options, "channel", { min: 0, max: CHANNEL_MAX, byDefault: 0 });
}

/** Options that name a source; one of them is given. */
const SOURCES = [...Object.keys(PROTOCOLS), "wmbus", "modbus"];
/** Sources that may be encrypted. */
const WITH_KEYS = ["p1", "wmbus"];

/** The source that the options name. */
function sourceOf(options: Options, counter: FrameCounter, log: Log): TelegramSource {
    const given = SOURCES.filter((name) => textOption(options, name) !== undefined);
    const [protocol = "", another] = given;
    if (protocol === "" || another !== undefined) {
        const expected = `one of ${[...SOURCES, "lorawan"].map((name) => `--${name}`).join(", ")}`;
        throw error("MS_USAGE", { expected, got: given.length === 0 ? "none" : given.join(", ") });
    }
    const keysPath = textOption(options, "keys");
    if (keysPath !== undefined && !WITH_KEYS.includes(protocol))
        throw error("MS_USAGE", { expected: "--keys with --p1 or --wmbus" });
    if ((textOption(options, "number") !== undefined) !== (protocol === "wmbus"))
        throw error("MS_USAGE", { expected: "--number of the meter with --wmbus" });
    const address = requiredOption(options, protocol, "SOURCE");
    const speed = integerOption(options, "baud", { min: 0, max: 4_000_000, byDefault: 0 });
    const baud = speed === 0 ? null : speed;
    if (protocol === "modbus") return openModbusSource(address, baud, log);
    const line =
        protocol === "zigbee2mqtt" ? openMqttSource(address, log) : openSource(address, baud, log);
    if (protocol === "wmbus")
        return telegramsOf(line, wirelessReaderOf(options, keysPath, counter));
    const reader =
        keysPath === undefined
            ? PROTOCOLS[protocol as keyof typeof PROTOCOLS]()
            : encryptedReader(p1KeysOf(keysPath), counter);
    return telegramsOf(line, reader);
}

function wirelessReaderOf(
    options: Options,
    keysPath: string | undefined,
    counter: FrameCounter,
): TelegramReader {
    const number = requiredOption(options, "number", "DIGITS");
    if (!/^[0-9a-f]{8}$/i.test(number))
        throw error("MS_USAGE", { expected: "--number with 8 digits", got: number });
    const [key] = keysPath === undefined ? [] : readTelegramKeys(keysPath, ["the meter's key"]);
    return wirelessReader(number, key ?? null, counter);
}

function p1KeysOf(path: string): P1Keys {
    const names = ["encryption key", "authentication key"];
    const [encryptionKey, authenticationKey] = readTelegramKeys(path, names) as [
        Uint8Array,
        Uint8Array,
    ];
    return { encryptionKey, authenticationKey };
}

function report({ agent, bridge, keyFile, medium, meter }: Gateway, asJson: boolean): void {
    requireNoRefusal(agent, `meter ${meter}`);
    const { openRecords, recordCount: records } = agent;
    const { boundaries, refused, telegrams } = bridge.counts;
    const { name } = unitOfMedium(medium);
    if (asJson) {
        const of = medium === undefined ? {} : { medium: name };
        const counts = { telegrams, refused, boundaries, records, openRecords };
        out(JSON.stringify({ meter, ...of, ...counts, keyFile }));
        return;
    }
    const reasons = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
    const not = reasons.length === 0 ? "" : ` Not taken: ${reasons.join(", ")}.`;
    const open = openRecords === 0 ? "all final" : `${openRecords} not final yet`;
    const of = medium === undefined ? "" : `Of ${name}: `;
    say(
        `${of}${counted(telegrams, "telegram")}, ${boundaries} registers at slot boundaries, ${counted(records, "record")}, ${open}.${not}`,
    );
}
