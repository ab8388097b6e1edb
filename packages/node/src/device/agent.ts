import { basename, join } from "node:path";
import { error, toHex } from "@meterseal/core";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createLinkToken, MeterAgent } from "@meterseal/meter";
import { openMeterStore } from "@meterseal/stores/sqlite";
import { systemClock, systemTimers } from "../clocks.ts";
import { consoleLog } from "../console.ts";
import { fileSigner } from "../files.ts";
import { requireMemory, writeProfile } from "../fleet/household.ts";
import { TENANT } from "../server/server.ts";
import { DEVICE_FILES, type Device } from "./device.ts";

/**
 * Checks the address of a collector.
 * @throws MetersealError MS_USAGE
 */
export function mqttUrl(text: string): string {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url?.protocol === "mqtt:" && url.hostname !== "") return text;
    throw error("MS_USAGE", { expected: "--to mqtt://HOST:PORT", got: text });
}

/** Opens the agent of a device on its directory; it is not connected yet. */
export async function openAgent(
    directory: string,
    device: Device,
    url: string,
): Promise<MeterAgent> {
    const { answer, master, profile } = device;
    const subjectHex = toHex(profile.subject);
    const signer = fileSigner(join(directory, DEVICE_FILES.signingKey), "es256");
    const log = consoleLog("meter");
    requireMemory(directory, subjectHex);
    const store = await openMeterStore(directory);
    writeProfile(directory, basename(directory), profile, answer.collectorKey);
    const token = (): Promise<Uint8Array> =>
        createLinkToken(signer, profile.network, profile.subject, systemClock);
    return await MeterAgent.open({
        ...{ profile, signer, master, store, log },
        link: createMqttMeterLink({ url, subjectHex, tenant: TENANT, token, log }),
        clock: systemClock,
        timers: systemTimers,
    });
}

/**
 * Refuses to go on with a meter that the collector has stopped.
 * @throws MetersealError MS_NOT_ALLOWED
 */
export function requireNoRefusal({ refusal }: MeterAgent, { profile }: Device): void {
    if (refusal === null) return;
    const got = `receipt code ${refusal.code} for record ${refusal.seq}`;
    throw error("MS_NOT_ALLOWED", { where: `meter ${toHex(profile.subject)}`, got });
}
