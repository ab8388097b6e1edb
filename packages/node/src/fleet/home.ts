import { SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { boundsOf, type LondonHome, londonSeries, type ReadingSeries } from "@meterseal/meter";
import { GROUP } from "@meterseal/record";
import { REPLAY_END_MS, REPLAY_START_MS } from "./replay.ts";

/** A home whose readings a meter replays. */
export type ReplayHome = {
    /** Name of the home in its source. */
    readonly id: string;
    /** Street that the API names beside the meter. */
    readonly street: string;
    readonly zone: string;
    /** Groups of the meter's stream: import, and export where the source has it. */
    readonly groups: readonly number[];
    readonly series: ReadingSeries;
    /** Whether its meter commits to its registers, so that its bills prove themselves. */
    readonly commits?: boolean;
    /** First and last boundary that is replayed, in slots. */
    readonly range: { readonly fromSlot: number; readonly toSlot: number };
};

/** Street and zone of the London homes. */
const LONDON = { street: "London", zone: "Europe/London" };

/** A London home: from the first to the last instant of the replay, also where its readings are missing. */
export function londonReplayHome(home: LondonHome): ReplayHome {
    const series = londonSeries(home);
    const range = windowOf(series.slotSeconds);
    return { id: home.id, ...LONDON, groups: [GROUP.import], series, range };
}

/** A home of another source: what of its readings lies within the replay. */
export function replayHome(
    home: Pick<ReplayHome, "id" | "series" | "street" | "zone">,
): ReplayHome {
    const { series } = home;
    const window = windowOf(series.slotSeconds);
    const bounds = boundsOf(series);
    return {
        ...home,
        groups: series.exportMicroWh === null ? [GROUP.import] : [GROUP.import, GROUP.export],
        range: {
            fromSlot: Math.max(bounds.fromSlot, window.fromSlot),
            toSlot: Math.min(bounds.toSlot, window.toSlot),
        },
    };
}

function windowOf(slotSeconds: number): { fromSlot: number; toSlot: number } {
    const slotOf = (ms: number): number => (ms / 1000 - SLOT_ORIGIN_UNIX) / slotSeconds;
    return { fromSlot: slotOf(REPLAY_START_MS), toSlot: slotOf(REPLAY_END_MS) };
}
