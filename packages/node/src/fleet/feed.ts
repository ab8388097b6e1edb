import { SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { type SeriesBoundary, seriesBoundaries } from "@meterseal/meter";
import { FLAG } from "@meterseal/record";
import type { ReplayMember } from "./replay.ts";

/** A meter that is fed, and the readings of its home. */
export type FedMeter = Pick<ReplayMember, "home"> & {
    readonly household: Pick<ReplayMember["household"], "agent">;
};

/** Readings of one home on their way into its meter. */
export class Feed {
    /** Boundaries that the replay has come past, sealed in this run or before. */
    readings = 0;
    readonly #member: FedMeter;
    readonly #series: Iterator<SeriesBoundary>;
    #next: SeriesBoundary | null;

    constructor(member: FedMeter) {
        this.#member = member;
        const { range, series } = member.home;
        this.#series = seriesBoundaries(series, range);
        this.#next = this.#pull();
    }

    /**
     * Gives the meter every boundary up to an instant; what it sealed before a restart is skipped.
     * @param closes whether the meter closes its record after a slot; a full record is closed anyway.
     */
    async advanceTo(endMs: number, closes: (slot: number) => boolean = () => false): Promise<void> {
        const { home, household } = this.#member;
        const { agent } = household;
        const endSlot = (endMs / 1000 - SLOT_ORIGIN_UNIX) / home.series.slotSeconds;
        while (this.#next !== null && this.#next.slot <= endSlot) {
            const { missing, registers, slot } = this.#next;
            if (slot >= agent.nextSlot) {
                const flag = missing ? FLAG.missing : 0;
                await agent.add({ slot, registers, flag });
                if (closes(slot)) await agent.flush();
            }
            this.readings++;
            this.#next = this.#pull();
        }
    }

    #pull(): SeriesBoundary | null {
        const next = this.#series.next();
        return next.done === true ? null : next.value;
    }
}
