import { error } from "@meterseal/core";
import { type LorawanReport, runLorawan } from "../bridge/lorawan/run.ts";
import { integerOption, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { type BrokerAccess, readBrokerAccess } from "../config/brokers.ts";
import { isBroker, linkPlaceOf } from "../config/links.ts";
import { consoleLog, counted, out, say } from "../console.ts";
import { collectorOf } from "../device/link.ts";
import { EXIT } from "../exit-codes.ts";
import { shutdownSignal } from "../shutdown.ts";

/** Options of `meterseal bridge` that mean nothing for LoRaWAN, whose list of devices says it. */
const OF_A_LINE = ["dir", "keys", "baud", "channel", "meter-time"];

/**
 * `meterseal bridge --lorawan`: many devices behind gateways; those that sign for themselves, and those
 * that the bridge signs for.
 */
export async function bridgeLorawan(options: Options, address: string): Promise<number> {
    const other = OF_A_LINE.find((name) => options[name] !== undefined);
    if (other !== undefined) {
        const expected = "--lorawan with --devices, which names each device's directory";
        throw error("MS_USAGE", { expected, got: `--${other}` });
    }
    const report = await runLorawan({
        address,
        access: accessOf(options),
        devicesPath: requiredOption(options, "devices", "FILE"),
        target: collectorOf(isServerAlone(options, address) ? withoutLogin(options) : options),
        apiUrl: apiOption(options),
        insecure: options.insecure === true,
        sendEverySeconds: integerOption(options, "send-every", {
            ...{ min: 1, max: 86_400, byDefault: 3_600 },
        }),
        log: consoleLog("bridge"),
        signal: shutdownSignal(),
        onListening: (url, devices) =>
            say(
                `Listening for LoRaWAN devices at ${url}; ${counted(devices, "device")}. Ctrl-C ends it.`,
            ),
    });
    if (options.json === true) out(JSON.stringify(report));
    else sayReport(report);
    requireNoRefusals(report);
    return EXIT.ok;
}

function apiOption(options: Options): string | null {
    const text = textOption(options, "api");
    if (text === undefined || (/^https?:/i.test(text) && URL.canParse(text))) return text ?? null;
    throw error("MS_USAGE", { expected: "--api such as http://127.0.0.1:8480", got: text });
}

/** Logins and certificates for brokers: of the network server, of the collector, or of both. */
function accessOf(options: Options): BrokerAccess {
    return readBrokerAccess(
        textOption(options, "login") ?? null,
        textOption(options, "ca") ?? null,
    );
}

/** Whether the one broker is that of the network server. */
function isServerAlone(options: Options, address: string): boolean {
    const place = linkPlaceOf(textOption(options, "to") ?? "");
    return /^mqtts?:/.test(address) && !(place !== null && isBroker(place));
}

function withoutLogin({ login: _, ...options }: Options): Options {
    return options;
}

/** A meter that the collector has stopped needs a person, after all else was said. */
function requireNoRefusals({ devices }: LorawanReport): void {
    const stopped = devices.find(({ refusal }) => refusal !== null);
    if (stopped === undefined) return;
    const { devEui, refusal } = stopped;
    throw error("MS_NOT_ALLOWED", { where: `device ${devEui}`, got: `receipt code ${refusal}` });
}

function sayReport({ devices, refused }: LorawanReport): void {
    for (const { devEui, frames, openRecords, provisional, records } of devices) {
        const open = openRecords === 0 ? "all final" : `${openRecords} not final yet`;
        const light = provisional === 0 ? "" : `; ${counted(provisional, "provisional reading")}`;
        say(
            `${devEui}: ${counted(frames, "frame")}, ${counted(records, "record")}, ${open}${light}`,
        );
    }
    for (const [reason, count] of Object.entries(refused)) say(`Not taken: ${count} ${reason}`);
}
