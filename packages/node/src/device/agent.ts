import { basename, join } from "node:path";
import { error, LIMITS, toHex } from "@meterseal/core";
import { createHttpMeterLink } from "@meterseal/links/http";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createLinkToken, MeterAgent, type MeterAgentOptions } from "@meterseal/meter";
import { encodeCoseKey } from "@meterseal/record";
import { type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock, systemTimers } from "../clocks.ts";
import { consoleLog, say } from "../console.ts";
import { fileSigner, readBounded } from "../files.ts";
import { openMemory } from "../fleet/household.ts";
import { TENANT } from "../server/links.ts";
import { sayClockAhead } from "./clock-ahead.ts";
import { fileCounter } from "./counter-file.ts";
import { DEVICE_FILES, type Device, keepNetwork } from "./device.ts";

/** Where a collector is, and the certificates to trust there, PEM. */
export type CollectorAddress = { readonly url: string; readonly ca: string | undefined };

/**
 * The collector that `--to` and `--ca` name.
 * @throws MetersealError MS_USAGE; MS_NOT_FOUND, MS_TOO_LARGE for the certificates.
 */
export function collectorOf(options: Options): CollectorAddress {
    const text = requiredOption(options, "to", "URL");
    const url = URL.canParse(text) ? new URL(text) : null;
    const isKnown = url !== null && ["mqtt:", "http:", "https:"].includes(url.protocol);
    if (!isKnown || url.hostname === "") {
        const expected = "--to mqtt://HOST:PORT, http://HOST:PORT or https://HOST:PORT";
        throw error("MS_USAGE", { expected, got: text });
    }
    const path = textOption(options, "ca");
    const ca =
        path === undefined ? undefined : readBounded(path, LIMITS.configBytes).toString("utf8");
    return { url: text, ca };
}

/**
 * Keeps a meter to its network. Where its first answer has just decided that, it is named for a person
 * to compare.
 */
export function settleNetwork(directory: string, device: Device): void {
    if (!keepNetwork(directory, device)) return;
    say(`The meter is in network ${toHex(device.profile.network)}
and keeps to it. Compare that with the network that your operator names.`);
}

/**
 * Opens the agent of a device on its directory; it is not connected yet.
 * @param source - what its boundaries come from; whatever a file of readings has are intervals.
 */
export async function openAgent(
    directory: string,
    device: Device,
    { ca, url }: CollectorAddress,
    source: MeterAgentOptions["source"] = "intervals",
): Promise<MeterAgent> {
    const { master, profile } = device;
    const subjectHex = toHex(profile.subject);
    const signer = fileSigner(join(directory, DEVICE_FILES.signingKey), "es256");
    const log = consoleLog("meter");
    const collectorKey = encodeCoseKey(profile.collectorKey);
    const meter = { source: basename(directory), profile, collectorKey };
    const store = await openMemory(directory, meter);
    const token = (): Promise<Uint8Array> =>
        createLinkToken(signer, profile.network, profile.subject, systemClock);
    const common = { url, subjectHex, token, log };
    const link = url.startsWith("mqtt:")
        ? createMqttMeterLink({ ...common, tenant: TENANT })
        : createHttpMeterLink({ ...common, ...(ca === undefined ? {} : { ca }) });
    return await MeterAgent.open({
        ...{ profile, signer, master, store, log },
        counter: fileCounter(directory),
        link,
        clock: systemClock,
        timers: systemTimers,
        onClockAhead: sayClockAhead,
        source,
    });
}

/**
 * Refuses to go on with a meter that the collector has stopped.
 * @param where - the meter, for the message.
 * @throws MetersealError MS_NOT_ALLOWED
 */
export function requireNoRefusal({ refusal }: MeterAgent, where: string): void {
    if (refusal === null) return;
    const got = `receipt code ${refusal.code} for record ${refusal.seq}`;
    throw error("MS_NOT_ALLOWED", { where, got });
}
