import { dirname, join } from "node:path";
import { error, hostOf, type Log, toHex } from "@meterseal/core";
import { enrolledCredential } from "@meterseal/links/edhoc";
import {
    createForwarderNetwork,
    createServerNetwork,
    type ForwardedDevice,
    type LoraNetwork,
    type LoraUplink,
    Refusals,
} from "@meterseal/links/lorawan";
import { openMeterStore } from "@meterseal/stores/sqlite";
import { systemClock, systemTimers } from "../../clocks.ts";
import type { BrokerAccess } from "../../config/brokers.ts";
import { type CollectorAddress, createMeterLink } from "../../device/link.ts";
import { untilAborted } from "../../shutdown.ts";
import { type LoraDeviceEntry, readLoraDevices } from "./devices.ts";
import { FileFrameCounters } from "./frame-counters.ts";
import { MeterChannel } from "./meter-channel.ts";
import { openLoraMeter } from "./meter-directory.ts";
import { ObservedChannel } from "./observed-channel.ts";
import { ProvisionalPublisher } from "./provisional-publisher.ts";

/** What a LoRaWAN bridge is to do. */
export type LorawanOptions = {
    /** `udp://HOST:PORT`, or the broker of a network server. */
    readonly address: string;
    /** Logins and certificates for that broker. */
    readonly access: BrokerAccess;
    /** List of devices. */
    readonly devicesPath: string;
    readonly target: CollectorAddress;
    /** API where provisional readings are shown; null shows them nowhere. */
    readonly apiUrl: string | null;
    readonly insecure: boolean;
    readonly sendEverySeconds: number;
    readonly log: Log;
    readonly signal: AbortSignal;
    /** Told where it listens, and to how many devices. */
    readonly onListening: (url: string, devices: number) => void;
};

/** What became of the frames of a device. */
export type LorawanDeviceReport = {
    readonly devEui: string;
    readonly frames: number;
    readonly records: number;
    readonly openRecords: number;
    readonly provisional: number;
    /** Receipt code by which the collector refused a record for good; null where it did not. */
    readonly refusal: number | null;
};

/** What became of all of them. */
export type LorawanReport = {
    readonly devices: readonly LorawanDeviceReport[];
    /** Frames that were not taken, by reason. */
    readonly refused: Readonly<Record<string, number>>;
};

type Channel = MeterChannel | ObservedChannel;
type Open = {
    readonly devEui: string;
    readonly channel: Channel;
    readonly publisher: ProvisionalPublisher | null;
    frames: number;
};

const COUNTERS_FILE = "frame-counters";
const TICK_MS = 1_000;

/**
 * Takes what LoRaWAN devices say to the collector, until the signal.
 * @throws MetersealError MS_USAGE, MS_KEY_FILE, MS_NOT_FOUND; whatever makes a store or journal fail.
 */
export async function runLorawan(options: LorawanOptions): Promise<LorawanReport> {
    const { devicesPath, log, signal } = options;
    const entries = readLoraDevices(devicesPath);
    const counters = new FileFrameCounters(join(dirname(devicesPath), COUNTERS_FILE));
    const network = openNetwork(options, entries, counters);
    const refusals = new Refusals((reason, count) =>
        log.warn("a device's frame was not taken", { reason, count }),
    );
    const channels = new Map<string, Open>();
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined); // raced below
    let ticks: NodeJS.Timeout | null = null;
    try {
        for (const entry of entries) {
            channels.set(entry.devEui, {
                ...(await openChannel(options, entry, network)),
                ...{ devEui: entry.devEui, frames: 0 },
            });
        }
        ticks = setInterval(() => advanceAll(channels, failed.reject), TICK_MS);
        const url = await network.open({
            uplink: (uplink) =>
                takeUplink(channels, refusals, uplink).catch((cause: unknown) => {
                    failed.reject(cause);
                    throw cause; // the network acknowledges what was kept alone
                }),
        });
        options.onListening(url, channels.size);
        await Promise.race([untilAborted(signal), failed.promise]);
    } finally {
        if (ticks !== null) clearInterval(ticks);
        await network.close();
        for (const { channel, publisher } of channels.values()) {
            await channel.close();
            await publisher?.done();
        }
        counters.close();
    }
    return {
        devices: [...channels.values()].map(reportOf),
        refused: { ...network.refused, ...refusals.counts },
    };
}

async function takeUplink(
    channels: ReadonlyMap<string, Open>,
    refusals: Refusals,
    uplink: LoraUplink,
): Promise<void> {
    const open = channels.get(uplink.devEui);
    if (open === undefined) return; // networks bring devices of the list alone
    open.frames++;
    const refusal = await open.channel.take(uplink);
    if (refusal !== null) refusals.add(refusal);
}

function advanceAll(
    channels: ReadonlyMap<string, Open>,
    onFailure: (cause: unknown) => void,
): void {
    const nowMs = systemClock.nowMs();
    for (const { channel, publisher } of channels.values()) {
        publisher?.advance(nowMs);
        if (channel instanceof ObservedChannel) channel.advance().catch(onFailure);
    }
}

function openNetwork(
    { access, address, insecure, log }: LorawanOptions,
    entries: readonly LoraDeviceEntry[],
    counters: FileFrameCounters,
): LoraNetwork {
    if (/^mqtts?:/.test(address)) {
        const { logins, ...trust } = access;
        const known = URL.canParse(address) ? logins?.get(new URL(address).host) : undefined;
        const login = known === undefined ? {} : { login: known };
        const devices = entries.map(({ devEui, kind }) => ({
            devEui,
            isSigning: kind === "meter",
        }));
        const parts = { devices, insecure, counters, log };
        return createServerNetwork({ url: address, ...login, ...trust, ...parts });
    }
    const url = URL.canParse(address) ? new URL(address) : null;
    if (url?.protocol !== "udp:" || url.hostname === "" || url.port === "")
        throw error("MS_USAGE", {
            expected: "--lorawan udp://HOST:PORT, or mqtt:// and mqtts:// of a network server",
            got: address,
        });
    const devices = entries.map(({ devEui, session }): ForwardedDevice => {
        if (session !== null) return { devEui, ...session };
        const expected = "a session of each device, for a packet forwarder";
        throw error("MS_USAGE", { where: devEui, expected });
    });
    return createForwarderNetwork({
        ...{ host: hostOf(url), port: Number(url.port), insecure, devices, counters, log },
    });
}

async function openChannel(
    options: LorawanOptions,
    entry: LoraDeviceEntry,
    network: LoraNetwork,
): Promise<Pick<Open, "channel" | "publisher">> {
    if (entry.kind === "observed")
        return { channel: await ObservedChannel.open(entry, options), publisher: null };
    const { apiUrl, log, target } = options;
    if (target.url.startsWith("tcp:")) {
        const expected = "another link than tcp://, whose session needs the meter's own key";
        throw error("MS_USAGE", { expected, got: target.url });
    }
    const meter = openLoraMeter(entry.directory);
    if (meter.devEui !== entry.devEui) {
        const expected = `device ${meter.devEui}`;
        throw error("MS_MALFORMED", { where: entry.directory, expected, got: entry.devEui });
    }
    const { key, profile } = meter.device;
    const subjectHex = toHex(profile.subject);
    const link = createMeterLink(target, {
        ...{ subjectHex, log },
        token: () => Promise.resolve(meter.token),
        own: enrolledCredential(subjectHex, key),
        find: () => null,
    });
    const { token } = meter;
    const publisher =
        apiUrl === null
            ? null
            : new ProvisionalPublisher(apiUrl, { subject: profile.subject, token }, log);
    const store = await openMeterStore(entry.directory);
    try {
        const channel = await MeterChannel.open({
            ...{ meter, link, log, store, timers: systemTimers },
            send: (devEui, frame) => network.send(devEui, frame),
            onProvisional: (readings) => publisher?.say(readings),
        });
        return { channel, publisher };
    } catch (cause) {
        await store.close();
        throw cause;
    }
}

function reportOf({ channel, devEui, frames }: Open): LorawanDeviceReport {
    const { openRecords, provisionalCount: provisional, recordCount: records, refusal } = channel;
    return { devEui, frames, records, openRecords, provisional, refusal };
}
