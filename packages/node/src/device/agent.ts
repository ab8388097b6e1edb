import { basename, join } from "node:path";
import { bytesEqual, error, toHex } from "@meterseal/core";
import { COLLECTOR_NAME, enrolledCredential } from "@meterseal/links/edhoc";
import { createLinkToken, MeterAgent, type MeterAgentOptions } from "@meterseal/meter";
import { encodeCoseKey } from "@meterseal/record";
import { systemClock, systemTimers } from "../clocks.ts";
import { consoleLog, say } from "../console.ts";
import { fileSigner } from "../files.ts";
import { openOnMemory } from "../fleet/household.ts";
import { sayClockAhead } from "./clock-ahead.ts";
import { fileCounter } from "./counter-file.ts";
import { DEVICE_FILES, type Device, keepNetwork } from "./device.ts";
import { type CollectorAddress, createMeterLink } from "./link.ts";

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
 * @throws MetersealError MS_STORE_LOCKED where it is at work, MS_OUTBOX where its memory is lost or old,
 * MS_USAGE for an address that no link takes.
 */
export async function openAgent(
    directory: string,
    device: Device,
    address: CollectorAddress,
    source: MeterAgentOptions["source"] = "intervals",
): Promise<MeterAgent> {
    const { master, profile } = device;
    const subjectHex = toHex(profile.subject);
    const signer = fileSigner(join(directory, DEVICE_FILES.signingKey), "es256");
    const log = consoleLog("meter");
    const collectorKey = encodeCoseKey(profile.collectorKey);
    const meter = { source: basename(directory), profile, collectorKey };
    const token = (): Promise<Uint8Array> =>
        createLinkToken(signer, profile.network, profile.subject, systemClock);
    const collector = enrolledCredential(COLLECTOR_NAME, profile.collectorKey);
    const link = createMeterLink(address, {
        ...{ subjectHex, token, log },
        own: { ...enrolledCredential(subjectHex, signer.publicKey), signer },
        find: (id) => (bytesEqual(id, collector.id) ? collector : null),
    });
    return await openOnMemory(directory, meter, (store) =>
        MeterAgent.open({
            ...{ profile, signer, master, store, log },
            counter: fileCounter(directory),
            link,
            clock: systemClock,
            timers: systemTimers,
            onClockAhead: sayClockAhead,
            source,
        }),
    );
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
