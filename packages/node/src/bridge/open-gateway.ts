import { basename } from "node:path";
import { type Log, toHex } from "@meterseal/core";
import { firstSlotFrom, type MeterAgent, type ReadingStart } from "@meterseal/meter";
import { systemClock } from "../clocks.ts";
import { openAgent, settleNetwork } from "../device/agent.ts";
import { type Device, provideKeyFile } from "../device/device.ts";
import type { CollectorAddress } from "../device/link.ts";
import { isOpening, readOpening } from "../device/replacement.ts";
import { BoundaryJournal } from "./boundary-journal.ts";
import { Bridge, type BridgeParts } from "./bridge.ts";

/** How a gateway reads its line. */
export type GatewayPlan = Pick<
    BridgeParts,
    "alignSeconds" | "byMeterClock" | "channel" | "counter" | "isFinite" | "sendEverySeconds"
> & { readonly target: CollectorAddress; readonly log: Log };

/** A gateway at work: one metering point behind a line. */
export type Gateway = {
    readonly meter: string;
    readonly keyFile: string;
    /** What it meters, one of MEDIUM; undefined for electricity. */
    readonly medium: number | undefined;
    readonly agent: MeterAgent;
    readonly bridge: Bridge;
    close(): Promise<void>;
};

/** Connects a gateway, and goes on with what its journal and its last record say. */
export async function openGateway(
    directory: string,
    device: Device,
    { log, target, ...plan }: GatewayPlan,
): Promise<Gateway> {
    settleNetwork(directory, device);
    const keyFile = provideKeyFile(directory, basename(directory), device);
    const agent = await openAgent(directory, device, target, "registers");
    let journal: BoundaryJournal | null = null;
    const close = async (): Promise<void> => {
        await agent.close();
        journal?.close();
    };
    try {
        journal = new BoundaryJournal(directory);
        await agent.connect();
        const opening = readOpening(directory);
        if (isOpening(opening) && agent.recordCount === 0) await agent.openEpoch(opening);
        const { medium, stream, subject } = device.profile;
        const first: ReadingStart | undefined =
            opening === null
                ? undefined
                : {
                      nextSlot: firstSlotFrom(opening.atUnix, stream.slotSeconds),
                      registers: opening.registers,
                  };
        plan.counter.value = Math.max(plan.counter.value, journal.counter);
        const parts = { agent, journal, medium, stream, log, clock: systemClock, ...plan };
        const bridge = await Bridge.open(parts, first);
        return { meter: toHex(subject), keyFile, medium, agent, bridge, close };
    } catch (cause) {
        await close();
        throw cause;
    }
}
