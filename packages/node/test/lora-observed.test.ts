import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { slotOfUnix, unixOfSlot } from "@meterseal/core";
import type { Boundary, MeterAgent } from "@meterseal/meter";
import { FLAG, STREAM_MODE } from "@meterseal/record";
import { decodeMilesight } from "@meterseal/telegram";
import { describe, expect, it } from "vitest";
import { BoundaryJournal } from "../src/bridge/boundary-journal.ts";
import { Bridge } from "../src/bridge/bridge.ts";
import { quiet, useScratch } from "./fixture.ts";

const SLOT = 900;
const FIRST = slotOfUnix(1_700_000_000, SLOT) + 1;
const scratch = useScratch();

/** What a bridge seals of reports that come so many seconds behind each boundary. */
async function sealedOf(name: string, behind: number, alignSeconds?: number): Promise<Boundary[]> {
    const sealed: Boundary[] = [];
    const agent = {
        ...{ nextSlot: 0, registers: [] },
        add: (boundary: Boundary) => Promise.resolve(void sealed.push(boundary)),
        flush: () => Promise.resolve(),
    } as unknown as MeterAgent;
    mkdirSync(join(scratch, name));
    let nowMs = 0;
    const bridge = await Bridge.open(
        {
            ...{ agent, journal: new BoundaryJournal(join(scratch, name)), log: quiet },
            stream: {
                ...{ stream: new Uint8Array(16), sealEpoch: 0, suite: 1, slotSeconds: SLOT },
                ...{ zone: "UTC", groups: [0], mode: STREAM_MODE.sealed, scale: 0 },
            },
            ...{ channel: 0, medium: undefined, counter: { value: -1 } },
            ...{ isFinite: false, byMeterClock: false },
            ...{ sendEverySeconds: 3_600, clock: { nowMs: () => nowMs } },
            ...(alignSeconds === undefined ? {} : { alignSeconds }),
        },
        { nextSlot: FIRST, registers: [0n] },
    );
    for (let i = 0; i < 4; i++) {
        const atUnix = unixOfSlot(FIRST + i, SLOT) + behind;
        nowMs = atUnix * 1000;
        const report = decodeMilesight(Uint8Array.of(6, 0x83, 10 * (i + 1), 0, 0, 0));
        if (!report.ok) throw new Error(report.fault.code);
        await bridge.take([{ ...report, value: { ...report.value, atUnix } }]);
    }
    nowMs += SLOT * 1000;
    await bridge.advance();
    return sealed.slice(0, 3);
}

describe("reports of a device on LoRaWAN", () => {
    it("stand for the boundary that is nearest, and are late where that is far", async () => {
        const flags = async (behind: number): Promise<unknown> =>
            (await sealedOf(`near ${behind}`, behind, SLOT)).map(({ flag, registers }) => [
                flag,
                registers,
            ]);
        const registers = [[10n], [20n], [30n]];
        expect(await flags(5)).toEqual(registers.map((each) => [0, each]));
        expect(await flags(300)).toEqual(registers.map((each) => [FLAG.late, each]));
    });

    it("would be missing on a line, which has one for every boundary", async () => {
        const sealed = await sealedOf("line", 300);
        expect(sealed.map(({ flag }) => flag)).toEqual([FLAG.missing, FLAG.missing, FLAG.missing]);
    });
});
