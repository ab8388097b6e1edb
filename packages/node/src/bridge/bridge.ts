import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, error, LIMITS, type Log, unixOfSlot } from "@meterseal/core";
import {
    type Boundary,
    type MeterAgent,
    measuredOf,
    ReadingConditioner,
    type ReadingRules,
    type ReadingStart,
} from "@meterseal/meter";
import { type MediumName, type StreamDescriptor, unitOfMedium } from "@meterseal/record";
import type { Decoded, Telegram } from "@meterseal/telegram";
import type { BoundaryJournal } from "./boundary-journal.ts";
import { mediumRegisterOf } from "./medium-registers.ts";
import { type RegistersBefore, registersOf } from "./registers.ts";
import type { FrameCounter } from "./telegrams.ts";

/** A telegram this near a boundary stands for it, at most, where the meter's port is a line. */
const ALIGN_SECONDS_MAX = 30;
/** How long a boundary waits for its telegram. */
const WAIT_SECONDS = 90;
/** A meter whose clock is further off than this is dated by ours. */
const CLOCK_OFF_SECONDS = 120;

/** A sub-meter's reading that is older says nothing of now. */
const AGE_SECONDS_MAX = 86_400;
/** Readings of a sub-meter that are looked at for one slot, about. */
const READINGS_A_SLOT = 240;

/** Boundaries that are kept and handed on at one time, as after a line was off for long. */
const BOUNDARIES_AT_ONCE = 256;
/** How often an agent whose outbox was not full is asked whether it is now. */
const FULL_POLL_MS = 100;

/** Registers that are named where none fits. */
const TOTALS_NAMED = 8;

/** What a bridge works with. */
export type BridgeParts = {
    readonly agent: MeterAgent;
    readonly journal: BoundaryJournal;
    readonly stream: StreamDescriptor;
    /** What is metered, one of MEDIUM; undefined for electricity. */
    readonly medium: number | undefined;
    /** Which of the meters behind the port: OBIS group B, or the number of a sub-meter; null for the only one. */
    readonly channel: number | null;
    /** Counter of the last encrypted frame. */
    readonly counter: FrameCounter;
    /** Recorded telegrams end; a live line goes on. */
    readonly isFinite: boolean;
    /** Whether telegrams are dated by the meter's clock alone, as recorded ones always are. */
    readonly byMeterClock: boolean;
    /** Longest time between two records, in seconds. */
    readonly sendEverySeconds: number;
    /** A telegram this near a boundary stands for it, at most; 30 s where it is left out. */
    readonly alignSeconds?: number;
    readonly clock: Clock;
    readonly log: Log;
};

/** What a bridge has seen. */
export type BridgeCounts = {
    telegrams: number;
    boundaries: number;
    /** Telegrams that were not taken, by reason: a fault, `crc: mismatch`, no register, no time. */
    readonly refused: Record<string, number>;
};

/** Turns telegrams of a meter into register boundaries and hands them to the agent that signs. */
export class Bridge {
    readonly counts: BridgeCounts = { telegrams: 0, boundaries: 0, refused: {} };
    readonly #parts: BridgeParts;
    readonly #conditioner: ReadingConditioner;
    #done: Promise<void> = Promise.resolve();
    /** Registers taken last, and when. */
    #last: { readonly unix: number; readonly registers: readonly bigint[] } | null = null;
    #sentSlot: number;
    #fault: unknown = null;

    private constructor(
        parts: BridgeParts,
        last: Boundary | undefined,
        first: ReadingStart | undefined,
    ) {
        this.#parts = parts;
        const { agent, stream } = parts;
        const start =
            last !== undefined
                ? { nextSlot: last.slot + 1, registers: last.registers }
                : agent.registers.length > 0
                  ? { nextSlot: agent.nextSlot, registers: agent.registers }
                  : first;
        this.#sentSlot = start?.nextSlot ?? 0;
        if (start !== undefined) {
            const unix = unixOfSlot(start.nextSlot, stream.slotSeconds);
            this.#last = { unix, registers: start.registers };
        }
        this.#conditioner = new ReadingConditioner(rulesOf(parts), start);
    }

    /**
     * Opens a bridge, and hands on what its journal has and no record yet.
     * @param first - registers that a device begins with which follows another.
     */
    static async open(parts: BridgeParts, first?: ReadingStart): Promise<Bridge> {
        const kept = parts.journal.from(parts.agent.nextSlot);
        const bridge = new Bridge(parts, kept.at(-1), first);
        for (let done = 0; done < kept.length; done += BOUNDARIES_AT_ONCE) {
            bridge.#give(kept.slice(done, done + BOUNDARIES_AT_ONCE));
            await bridge.#room();
        }
        return bridge;
    }

    /** Takes what a reader made of the meter's bytes. */
    async take(results: readonly Decoded<Telegram>[]): Promise<void> {
        for (const result of results) {
            this.counts.telegrams++;
            const refusal = result.ok ? this.#take(result.value) : result.fault.code;
            if (refusal !== null) this.#refuse(refusal, result.ok ? result.value : null);
            else await this.advance();
        }
    }

    /** Seals boundaries whose wait is over, by the clock that dates telegrams. */
    async advance(): Promise<void> {
        const nowUnix = this.#parts.byMeterClock ? this.#measuredUnix : this.#nowUnix;
        await this.#seal(this.#conditioner.advance(nowUnix));
    }

    /** Seals what is left of a recorded file and waits until it is in records. */
    async finish(): Promise<void> {
        if (this.#parts.isFinite) await this.#seal(this.#conditioner.finish());
        await this.#done;
        if (this.#fault !== null) throw this.#fault;
        await this.#parts.agent.flush();
        this.#parts.journal.taken(this.#parts.agent.nextSlot);
    }

    #measuredUnix = 0;

    get #nowUnix(): number {
        return Math.floor(this.#parts.clock.nowMs() / 1000);
    }

    /** Takes a telegram; returns why it is not taken. */
    #take(telegram: Telegram): string | null {
        if (telegram.check === "mismatch" || telegram.check === "truncated")
            return `crc: ${telegram.check}`;
        const reading = this.#readingOf(telegram);
        if (typeof reading === "string") return reading;
        const { measuredUnix, registers } = reading;
        if (this.#isTooSoon(measuredUnix)) return null;
        const arrivedUnix = this.#parts.byMeterClock ? measuredUnix : this.#nowUnix;
        this.#measuredUnix = Math.max(this.#measuredUnix, measuredUnix);
        this.#conditioner.take({ measuredUnix, arrivedUnix, registers });
        this.#last = { unix: measuredUnix, registers };
        return null;
    }

    /** Registers of a telegram and their time, or why it has none. */
    #readingOf(telegram: Telegram): Reading | string {
        const { channel, medium, stream } = this.#parts;
        const sentUnix = this.#dateOf(telegram);
        const { name } = unitOfMedium(medium);
        if (name !== "electricity") return mediumReading(telegram, name, channel, sentUnix);
        const before = sentUnix === null ? null : this.#before(sentUnix);
        const { groups } = measuredOf(stream);
        const registers = registersOf(telegram, groups, channel ?? 0, before);
        if (registers === null) return "no register";
        return sentUnix === null ? "no time" : { measuredUnix: sentUnix, registers };
    }

    /** Sub-meters are repeated each second: a few hundred readings a slot are plenty. */
    #isTooSoon(measuredUnix: number): boolean {
        const { medium, stream } = this.#parts;
        if (medium === undefined || this.#last === null) return false;
        const spacing = Math.floor(stream.slotSeconds / READINGS_A_SLOT);
        const since = measuredUnix - this.#last.unix;
        return since >= 0 && since < spacing;
    }

    /** What a register of this moment follows; null before the first. */
    #before(measuredUnix: number): RegistersBefore | null {
        if (this.#last === null) return null;
        const { registers, unix } = this.#last;
        const slots = Math.max(0, measuredUnix - unix) / this.#parts.stream.slotSeconds;
        const growthMaxWh = BigInt(LIMITS.slotDelta) * BigInt(Math.ceil(slots) + 1);
        return { registers, growthMaxWh };
    }

    /** By the meter's clock where that is good, or the only one. */
    #dateOf({ atUnix }: Telegram): number | null {
        if (this.#parts.byMeterClock) return atUnix;
        const nowUnix = this.#nowUnix;
        const isNear = atUnix !== null && Math.abs(atUnix - nowUnix) <= CLOCK_OFF_SECONDS;
        return isNear ? atUnix : nowUnix;
    }

    async #seal(boundaries: Iterable<Boundary>): Promise<void> {
        const atOnce = this.#parts.isFinite ? 1 : BOUNDARIES_AT_ONCE;
        let due: Boundary[] = [];
        for (const boundary of boundaries) {
            due.push(boundary);
            if (due.length < atOnce) continue;
            this.#keep(due);
            due = [];
            await this.#room();
            if (this.#fault !== null) break;
        }
        this.#keep(due);
        if (this.#fault !== null) throw this.#fault;
        if (this.#conditioner.break !== null) {
            const { last, next } = this.#conditioner.break;
            throw error("MS_REGISTER_DECREASED", {
                where: `telegram of ${new Date(next.measuredUnix * 1000).toISOString()}`,
                expected: `registers as at ${new Date(last.measuredUnix * 1000).toISOString()}, or above`,
                todo: "Was the meter exchanged or reset? Run: meterseal meter exchange --help",
            });
        }
    }

    /** Puts boundaries on disk, and hands them on. */
    #keep(boundaries: readonly Boundary[]): void {
        if (boundaries.length === 0) return;
        this.#parts.journal.keep(boundaries, this.#parts.counter);
        this.#give(boundaries);
    }

    /**
     * Waits until what was handed on is in records or buffered for one, so that no more of it is in
     * memory than an agent takes. Where the outbox is full a live line goes on: the agent thins.
     */
    async #room(): Promise<void> {
        const { agent } = this.#parts;
        let isDone = false;
        const done = this.#done.then(() => {
            isDone = true;
        });
        if (this.#parts.isFinite) await done;
        while (!isDone && !agent.isFull) await Promise.race([done, sleep(FULL_POLL_MS)]);
    }

    /** Hands boundaries to the agent, which keeps their order; a live line does not wait for it. */
    #give(boundaries: readonly Boundary[]): void {
        const { agent, journal, sendEverySeconds, stream } = this.#parts;
        for (const boundary of boundaries) {
            this.counts.boundaries++;
            this.#done = Promise.all([this.#done, agent.add(boundary)])
                .then(async () => {
                    if ((boundary.slot - this.#sentSlot) * stream.slotSeconds >= sendEverySeconds) {
                        this.#sentSlot = boundary.slot;
                        await agent.flush();
                    }
                    journal.taken(agent.nextSlot);
                })
                .catch((cause: unknown) => {
                    this.#fault ??= cause;
                });
        }
    }

    #refuse(reason: string, telegram: Telegram | null): void {
        const { refused } = this.counts;
        refused[reason] = (refused[reason] ?? 0) + 1;
        // One line for each reason, and again at each power of ten: a bad line must not fill a log.
        if (!/^10*$/.test(`${refused[reason]}`)) return;
        const { log } = this.#parts;
        const isOther = reason === "no register" && telegram !== null;
        const has = isOther ? { has: totalsOf(telegram) } : {};
        log.warn("a telegram was not taken", { reason, count: refused[reason], ...has });
    }
}

/** Codes of what a telegram counts, for who looks for the right stream or channel; no value. */
function totalsOf({ values }: Telegram): string {
    const totals = values.filter(({ unit }) => ["Wh", "J", "m3"].includes(unit));
    const codes = totals.slice(0, TOTALS_NAMED).map(({ obis }) => obis);
    return codes.length === 0 ? "none" : codes.join(" ");
}

type Reading = { readonly measuredUnix: number; readonly registers: readonly bigint[] };

/** Reading of a sub-meter, which is as old as it says; by our clock where the telegram's is wrong. */
function mediumReading(
    telegram: Telegram,
    medium: Exclude<MediumName, "electricity">,
    channel: number | null,
    sentUnix: number | null,
): Reading | string {
    const found = mediumRegisterOf(telegram, medium, channel);
    if (typeof found === "string") return found;
    if (sentUnix === null) return "no time";
    const ageSeconds =
        (telegram.atUnix ?? sentUnix) - (found.atUnix ?? telegram.atUnix ?? sentUnix);
    // A sub-meter that was never read, or no longer, has a time of fantasy or of long ago.
    const isRecent = ageSeconds >= -CLOCK_OFF_SECONDS && ageSeconds <= AGE_SECONDS_MAX;
    return isRecent
        ? { measuredUnix: sentUnix - ageSeconds, registers: [found.register] }
        : "no time";
}

function rulesOf({
    alignSeconds: most = ALIGN_SECONDS_MAX,
    medium,
    stream,
}: Pick<BridgeParts, "alignSeconds" | "medium" | "stream">): ReadingRules {
    const { slotSeconds } = stream;
    const half = Math.floor((slotSeconds - 1) / 2);
    // Sub-meters are read when they please, once an hour perhaps: the nearest reading stands for a boundary.
    const isSparse = medium !== undefined;
    const alignSeconds = isSparse ? half : Math.min(most, half);
    const waitSeconds = isSparse ? slotSeconds : Math.min(WAIT_SECONDS, slotSeconds);
    return {
        ...{ slotSeconds, alignSeconds },
        growthCaps: measuredOf(stream).groups.map(() => BigInt(LIMITS.slotDelta)),
        waitSeconds: Math.max(alignSeconds, waitSeconds),
        lateSeconds: isSparse ? waitSeconds : Math.min(alignSeconds, ALIGN_SECONDS_MAX),
        stepBackUnits: 0n,
    };
}
