import { createLadder, slotOfUnix, unixOfSlot, unwrap } from "@meterseal/core";
import { FLAG } from "@meterseal/record";
import type { OpenBoundary } from "@meterseal/wallet";

/** Zone of the series. */
export const ZONE = "Europe/London";
/** Flag of an interval that was not read. */
export const FLAG_MISSING = FLAG.missing;

const SLOT_SECONDS = 1800;

/**
 * A series of half-hours with levels as a meter signs them.
 * @param energyWh - energy of the slot that ends at an instant; a watt-hour unless given.
 */
export function seriesOf(
    from: string,
    to: string,
    energyWh: (unix: number) => bigint = () => 1n,
): OpenBoundary[] {
    const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
    const slotAt = (text: string): number => slotOfUnix(Date.parse(text) / 1000, SLOT_SECONDS);
    const first = slotAt(from);
    let importWh = 0n;
    return Array.from({ length: slotAt(to) - first + 1 }, (_, i) => {
        const unix = unixOfSlot(first + i, SLOT_SECONDS);
        if (i > 0) importWh += energyWh(unix);
        const { level } = ladder.addressOf(first + i);
        return { unix, slot: first + i, level, importWh, exportWh: null, flag: 0 };
    });
}
