import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, error, fromHex, type Log, toHex, unwrap } from "@meterseal/core";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createLinkToken, MeterAgent, type MeterProfile, sealedStreamOf } from "@meterseal/meter";
import {
    decodeCoseKey,
    GROUP,
    type MeterStore,
    STREAM_MODE,
    type StreamDescriptor,
} from "@meterseal/record";
import { MASTER_BYTES } from "@meterseal/seal";
import { METER_FILE, openMeterStore } from "@meterseal/stores/sqlite";
import { formatKeyFile, type KeyFile, parseKeyFile } from "@meterseal/wallet";
import { systemRandom, systemTimers } from "../clocks.ts";
import { TENANT } from "../config/links.ts";
import { fileSigner, PLACES, PROFILE_FILE, writeJson, writeSecret } from "../files.ts";
import type { ServerProcess } from "./server-process.ts";

/** What a simulated household is made from. */
export type HouseholdPlan = {
    /** Name of the home in the source data. */
    readonly name: string;
    /** Street that the server may name beside the meter. */
    readonly street?: string;
    readonly zone: string;
    readonly slotSeconds: number;
    /** Groups of its stream, ascending; import unless given. */
    readonly groups?: readonly number[];
    /** STREAM_MODE. */
    readonly mode: number;
    /** Whether a new meter commits to its registers; one that is there goes on as it was enrolled. */
    readonly commits?: boolean;
};

/** A simulated household: its files and its running meter. */
export type Household = {
    readonly name: string;
    readonly subjectHex: string;
    readonly zone: string;
    readonly keyFile: string;
    /** Directory of the meter. */
    readonly meterDir: string;
    readonly agent: MeterAgent;
};

/** What a household's meter runs with. */
export type HouseholdTools = {
    readonly dataDir: string;
    readonly server: Pick<ServerProcess, "info" | "enrol">;
    readonly clock: Clock;
    readonly log: Log;
    /** Opens the meter's memory in its directory; a test may put something around it. */
    readonly openStore?: (meterDir: string) => Promise<MeterStore>;
};

/** Opens a household's meter where it left off; a new one gets its keys and is enrolled first. */
export async function openHousehold(
    plan: HouseholdPlan,
    tools: HouseholdTools,
): Promise<Household> {
    const { dataDir, server } = tools;
    const keyFile = PLACES.keyFile(dataDir, plan.name);
    const key = existsSync(keyFile)
        ? unwrap(parseKeyFile(readFileSync(keyFile, "utf8")))
        : newKeyFile(plan, server.info.networkId, keyFile);
    const subjectHex = toHex(key.meter);
    const meterDir = PLACES.meter(dataDir, subjectHex);
    mkdirSync(meterDir, { recursive: true, mode: 0o700 });
    const signer = fileSigner(join(meterDir, "meter.pem"), "es256");
    const stream = descriptorOf(key, plan, committedOf(meterDir, plan));
    const anchor = await server.enrol({
        subject: key.meter,
        key: signer.publicKey,
        streams: [stream],
        ...(plan.street === undefined ? {} : { street: plan.street }),
    });
    const profile: MeterProfile = {
        network: key.network,
        subject: key.meter,
        chainEpoch: 0,
        anchor,
        stream,
        collectorKey: decodeCoseKey(server.info.collectorKey),
    };
    const { collectorKey } = server.info;
    const meter = { source: plan.name, profile, collectorKey };
    const open = (store: MeterStore): Promise<MeterAgent> =>
        MeterAgent.open({
            profile,
            signer,
            master: loadMaster(meterDir, key),
            store,
            link: createMqttMeterLink({
                url: server.info.mqttUrl,
                subjectHex,
                tenant: TENANT,
                token: () => createLinkToken(signer, key.network, key.meter, tools.clock),
                log: tools.log,
            }),
            clock: tools.clock,
            timers: systemTimers,
            log: tools.log,
            source: "intervals",
        });
    const agent = await openOnMemory(meterDir, meter, open, tools.openStore);
    return { name: plan.name, subjectHex, zone: plan.zone, keyFile, meterDir, agent };
}

/** A meter as its public description names it. */
type DescribedMeter = {
    /** Name of the home or of the meter's directory. */
    readonly source: string;
    readonly profile: MeterProfile;
    /** COSE_Key of the collector. */
    readonly collectorKey: Uint8Array;
};

/**
 * Opens a meter on its memory in its directory, and describes the meter beside it. Where that fails the
 * directory is free again.
 * @throws MetersealError MS_OUTBOX where the memory is lost, MS_STORE_LOCKED where the meter is at work;
 * and what `open` throws.
 */
export async function openOnMemory<T>(
    meterDir: string,
    meter: DescribedMeter,
    open: (store: MeterStore) => Promise<T>,
    openStore: (meterDir: string) => Promise<MeterStore> = openMeterStore,
): Promise<T> {
    requireMemory(meterDir, toHex(meter.profile.subject));
    const store = await openStore(meterDir);
    try {
        // After the store exists: from then on a missing store is a lost memory.
        writeProfile(meterDir, meter);
        return await open(store);
    } catch (cause) {
        await store.close();
        throw cause;
    }
}

/**
 * Refuses a meter that was in service and has lost its memory: it would sign a second history and
 * seal boundaries again, which gives registers away.
 */
function requireMemory(meterDir: string, subjectHex: string): void {
    if (existsSync(join(meterDir, METER_FILE)) || !existsSync(join(meterDir, PROFILE_FILE))) return;
    throw error("MS_OUTBOX", {
        where: `meter ${subjectHex}`,
        got: `no ${METER_FILE}: the meter has lost its memory`,
        todo: "Put its latest copy back; without one it goes on by meterseal meter recover.",
    });
}

/** A new household's key file: random pseudonyms and, for a sealed stream, a random master secret. */
function newKeyFile(plan: HouseholdPlan, network: Uint8Array, path: string): KeyFile {
    const key: KeyFile = {
        name: plan.name,
        network,
        meter: systemRandom.bytes(16),
        stream: {
            streamId: systemRandom.bytes(16),
            sealEpoch: 0,
            suite: 1,
            slotSeconds: plan.slotSeconds,
            groups: (plan.groups ?? [GROUP.import]).map((group) => ({ group, channels: 1 })),
        },
        zone: plan.zone,
        scale: 0,
        master: plan.mode === STREAM_MODE.open ? null : systemRandom.bytes(MASTER_BYTES),
    };
    writeSecret(path, formatKeyFile(key));
    return key;
}

/** Groups that a household's meter commits to: as it was enrolled, or as planned for a new one. */
function committedOf(meterDir: string, { commits, groups, mode }: HouseholdPlan): number {
    const path = join(meterDir, PROFILE_FILE);
    if (existsSync(path)) {
        const { committed = 0 } = JSON.parse(readFileSync(path, "utf8")) as { committed?: number };
        return committed;
    }
    return commits === true && mode === STREAM_MODE.sealed ? (groups ?? [GROUP.import]).length : 0;
}

function descriptorOf(key: KeyFile, plan: HouseholdPlan, committed: number): StreamDescriptor {
    const { groups, sealEpoch, slotSeconds, streamId, suite } = key.stream;
    return {
        stream: streamId,
        sealEpoch,
        suite,
        slotSeconds,
        zone: key.zone,
        groups: groups.map((member) => member.group),
        mode: plan.mode,
        scale: key.scale,
        ...(committed === 0 ? {} : { committed }),
    };
}

/** The meter's own copy of the master secret, put there when the household took the meter over. */
function loadMaster(meterDir: string, key: KeyFile): Uint8Array | null {
    if (key.master === null) return null;
    const path = join(meterDir, "master.hex");
    if (!existsSync(path)) writeSecret(path, `${toHex(key.master)}\n`);
    return fromHex(readFileSync(path, "utf8").trim());
}

/** Writes what an auditor needs to check a meter's outbox; nothing secret. */
function writeProfile(meterDir: string, { collectorKey, profile, source }: DescribedMeter): void {
    const { committed } = profile.stream;
    writeJson(join(meterDir, PROFILE_FILE), {
        format: "meterseal-meter/v1",
        source,
        network: toHex(profile.network),
        subject: toHex(profile.subject),
        chainEpoch: profile.chainEpoch,
        anchor: toHex(profile.anchor),
        stream: toHex(sealedStreamOf(profile.stream).streamId),
        ...(committed === undefined ? {} : { committed }),
        collectorKey: toHex(collectorKey),
    });
}
